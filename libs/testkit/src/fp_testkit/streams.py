"""An empty JetStream for each test.

One server serves the whole session. Accounts or domains for each test would need a reload of its configuration;
deleting what a test made takes a few milliseconds and leaves nothing either.
"""

from fp_testkit.patience import PATIENCE


async def delete_streams(url: str) -> None:
    """Delete every stream, and with it its messages and consumers."""
    import nats

    client = await nats.connect(url, connect_timeout=int(PATIENCE), allow_reconnect=False)
    try:
        jetstream = client.jetstream(timeout=PATIENCE)
        for stream in await jetstream.streams_info():
            if stream.config.name:
                await jetstream.delete_stream(stream.config.name)
    finally:
        await client.close()
