import asyncio

import pytest
from forgepoint.pipeline.v1 import pipeline_pb2 as pb
from fp_gateway.http.sse import END, Feed
from fp_kernel import NotFound

PATIENT = 60.0


async def test_a_message_that_comes_late_is_not_lost():
    go = asyncio.Event()

    async def source():
        await go.wait()
        yield pb.WatchExecutionResponse(sequence=1)

    feed = Feed(source())
    assert not await feed.ready(0.0)

    go.set()
    assert await feed.ready(PATIENT)
    assert feed.take() == pb.WatchExecutionResponse(sequence=1)
    assert await feed.ready(PATIENT)
    assert feed.take() is END


async def test_a_feed_that_is_closed_while_it_waits_closes_its_source():
    closed = []

    async def source():
        try:
            await asyncio.Event().wait()
            yield pb.WatchExecutionResponse()
        finally:
            closed.append(True)

    feed = Feed(source())
    await feed.ready(0.0)
    # The task that reads has begun, but not got anywhere.
    await asyncio.sleep(0)
    await feed.close()

    assert closed


async def test_what_the_source_raises_is_raised():
    async def source():
        raise NotFound("gone")
        yield

    with pytest.raises(NotFound):
        await Feed(source()).ready(PATIENT)
