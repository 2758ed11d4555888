"""Look at events as they pass, without taking them from anyone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from nats.aio.msg import Msg

from fp_events.consumer.declaration import Deliver
from fp_events.consumer.ordered import OrderedConsumer
from fp_events.message.envelope import decode
from fp_events.message.event import Event, Poison
from fp_events.message.subjects import is_pattern
from fp_events.nats_bus import NatsBus
from fp_events.streams import by_stream

_ROOM: Final = 1_000


@dataclass(frozen=True, slots=True)
class TailedEvent:
    """One message that went by.

    subject: as on the bus; a dead letter's or a replay's differs from the event's type.
    event: None when it cannot be read.
    size: bytes of the message's data.
    """

    subject: str
    event: Event | None
    size: int


@asynccontextmanager
async def tail(
    bus: NatsBus, pattern: str = "fp.>", *, deliver: Deliver = "new"
) -> AsyncIterator[AsyncIterator[TailedEvent]]:
    """Every message of the pattern, in order within a stream; everything published inside the block is seen.

        async with tail(bus, "fp.models.>") as passing:
            async for passed in passing: ...

    Raises ValueError for a pattern that no stream stores.
    """
    if not is_pattern(pattern):
        raise ValueError(f"{pattern!r} is no pattern")
    readers = [bus.reader(stream, patterns, deliver) for stream, patterns in by_stream((pattern,)).items()]
    queue: asyncio.Queue[TailedEvent] = asyncio.Queue(_ROOM)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_read(reader, queue)) for reader in readers]
        try:
            for reader in readers:
                await reader.ready.wait()
            yield _passing(queue)
        finally:
            for task in tasks:
                task.cancel()


async def _passing(queue: asyncio.Queue[TailedEvent]) -> AsyncIterator[TailedEvent]:
    while True:
        yield await queue.get()


async def _read(reader: OrderedConsumer, queue: asyncio.Queue[TailedEvent]) -> None:
    async with aclosing(reader.messages()) as messages:
        async for message in messages:
            await queue.put(_passed(message))


def _passed(message: Msg) -> TailedEvent:
    event: Event | None = None
    with suppress(Poison):
        event = decode(message.data, message.headers)
    return TailedEvent(message.subject, event, len(message.data))
