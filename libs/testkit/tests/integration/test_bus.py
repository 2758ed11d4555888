import pytest
from fp_events import STREAMS
from fp_testkit.patience import PATIENCE
from nats.js.errors import NotFoundError


@pytest.mark.parametrize("time", [1, 2])
async def test_the_bus_has_every_stream_and_no_message(bus, nats_url, time):
    import nats

    client = await nats.connect(nats_url, connect_timeout=int(PATIENCE))
    try:
        infos = {
            info.config.name: info.state.messages for info in await client.jetstream(timeout=PATIENCE).streams_info()
        }
        assert infos == dict.fromkeys((stream.name for stream in STREAMS), 0)
        await client.jetstream(timeout=PATIENCE).publish("fp.models.registered", b"1")
        with pytest.raises(NotFoundError):
            await client.jetstream(timeout=PATIENCE).stream_info("OTHER")
    finally:
        await client.close()
