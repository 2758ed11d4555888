"""A bus in memory that keeps the promises of the real one, for tests."""

import asyncio
from collections.abc import Sequence
from typing import NoReturn

from fp_events.bus import BatchHandler, EventHandler, Published
from fp_events.consumers import Broadcast, Consumer
from fp_events.dead_letters import DeadLetters
from fp_events.envelope import Outgoing
from fp_events.event import Event
from fp_events.streams import Stream


class MemoryBus:
    """Streams, durables, redelivery, dead letters and broadcasts within one process."""

    def __init__(self, source: str = "test") -> None:
        self._source = source

    @property
    def dead_letters(self) -> DeadLetters:
        raise NotImplementedError

    async def publish(self, events: Sequence[Event]) -> Published:
        raise NotImplementedError

    async def send(self, messages: Sequence[Outgoing]) -> Published:
        raise NotImplementedError

    async def ensure(self, streams: Sequence[Stream], consumers: Sequence[Consumer]) -> None:
        raise NotImplementedError

    async def consume(self, consumer: Consumer, handle: BatchHandler) -> NoReturn:
        raise NotImplementedError

    async def broadcast(
        self, broadcast: Broadcast, handle: EventHandler, *, caught_up: asyncio.Event | None = None
    ) -> NoReturn:
        raise NotImplementedError

    async def ping(self) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError
