import pytest
import pytest_asyncio
from fp_registry.adapters.memory.projection import MemoryGenerations, MemoryProjection
from fp_registry.adapters.projection.generations import RedisGenerations
from fp_registry.adapters.projection.link import Link
from fp_registry.adapters.projection.reads import RedisProjection
from fp_registry.api.documents import MessageDocuments


@pytest_asyncio.fixture
async def link(redis_url, clock):
    opened = Link.open(redis_url, clock)
    yield opened
    await opened.close()


@pytest.fixture(params=["memory", "redis"])
def read_store(request):
    """Both halves of a projection, empty; what one promises the other must promise too."""
    if request.param == "memory":
        generations = MemoryGenerations()
        return generations, MemoryProjection(generations, MessageDocuments())
    link = request.getfixturevalue("link")
    return RedisGenerations(link, MessageDocuments()), RedisProjection(link)
