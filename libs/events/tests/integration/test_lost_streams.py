"""Streams that the server lost, and that are made anew."""

import asyncio
from contextlib import aclosing

from fp_events import Broadcast
from fp_events.streams import MODELS
from fp_testkit.patience import PATIENCE
from fp_testkit.suites.consuming import Recorder, listening, registered


async def test_a_listener_of_a_stream_that_was_lost_hears_the_new_one_from_its_beginning(bus, server):
    recorder = Recorder()
    before = [registered(str(number)) for number in range(20)]
    after = [registered(f"after {number}") for number in range(35)]
    async with listening(bus, Broadcast("lost", ("fp.models.>",)), recorder):
        await bus.publish(before)
        await recorder.has(20)
        await server.delete_stream("MODELS")
        await bus.ensure([MODELS], [])
        await bus.publish(after)
        await recorder.has(55)
    assert recorder.ids == [event.id for event in (*before, *after)]


async def test_who_reads_a_lost_stream_has_caught_up_when_it_knows_the_new_one(bus, server):
    reader = bus.reader(MODELS, ("fp.models.>",), "all")
    await bus.publish([registered()])
    async with aclosing(reader.messages()) as messages:
        await anext(messages)
        following = asyncio.create_task(anext(messages))
        async with asyncio.timeout(PATIENCE):
            await reader.caught_up.wait()
        await server.delete_stream("MODELS")
        await bus.ensure([MODELS], [])
        await bus.publish([registered("a"), registered("b")])
        await following
        assert not reader.caught_up.is_set()
        await anext(messages)
        following = asyncio.create_task(anext(messages))
        async with asyncio.timeout(PATIENCE):
            await reader.caught_up.wait()
        following.cancel()
        await asyncio.wait({following})
