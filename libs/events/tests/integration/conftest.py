import nats
import pytest_asyncio
from fp_testkit.patience import PATIENCE


@pytest_asyncio.fixture
async def server(nats_url):
    """JetStream as the client library sees it."""
    client = await nats.connect(nats_url, connect_timeout=int(PATIENCE))
    yield client.jetstream(timeout=PATIENCE)
    await client.close()
