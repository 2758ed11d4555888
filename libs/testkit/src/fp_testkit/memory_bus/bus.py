"""A bus in memory that keeps the promises of the real one, for tests."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

from fp_events.bus import BatchHandler, EventHandler, Published
from fp_events.cancellation import finish
from fp_events.consumer.broadcast import BroadcastHandler
from fp_events.consumer.declaration import Broadcast, Consumer
from fp_events.consumer.gap import MissedHook
from fp_events.consumer.outage import PausingSettlement
from fp_events.consumer.settlement import Settlement
from fp_events.message.envelope import EncodedEvent, decode, encoded, received
from fp_events.message.event import Event, Poison
from fp_events.metrics import BusMetrics
from fp_events.publisher.origin import attributed
from fp_events.streams import STREAMS, Stream
from fp_kernel import Unavailable

from fp_testkit.memory_bus.dead_letters import MemoryDeadLetters
from fp_testkit.memory_bus.durable import Durable, MemoryDelivery
from fp_testkit.memory_bus.log import MemoryLog, Stored, patterns_of

_GRACE = 20.0
_COPIES = {stream.name for stream in STREAMS if stream.copy_of}


class MemoryBus:
    """Streams, durables, redelivery, dead letters and broadcasts within one process.

    away: set it to play an outage; nothing is published meanwhile.
    """

    def __init__(self, source: str = "test") -> None:
        self.away = False
        self._source = source
        self._log = MemoryLog()
        self._durables: dict[str, Durable] = {}
        self._metrics = BusMetrics(None)

    @property
    def dead_letters(self) -> MemoryDeadLetters:
        return MemoryDeadLetters(self._log)

    @property
    def events(self) -> list[Event]:
        """Everything published so far that can be read, dead letters and replays not included."""
        found: list[Event] = []
        for stored in self._log.messages:
            if not (stored.message.subject.startswith("fp.dlq.") or stored.stream in _COPIES):
                with suppress(Poison):
                    found.append(decode(stored.message.data, stored.message.headers))
        return found

    async def publish(self, events: Sequence[Event]) -> Published:
        return await self.send([encoded(attributed(event, self._source)) for event in events])

    async def send(self, messages: Sequence[EncodedEvent]) -> Published:
        if self.away:
            return Published(frozenset(), {message.id: Unavailable("the event bus is away") for message in messages})
        failed = {message.id: error for message in messages if (error := self._log.append(message)) is not None}
        return Published(frozenset(message.id for message in messages) - failed.keys(), failed)

    async def ensure(self, streams: Sequence[Stream], consumers: Sequence[Consumer]) -> None:
        self._log.add_streams(streams)
        for consumer in consumers:
            if consumer.name not in self._durables:
                self._durables[consumer.name] = Durable(consumer, self._log)

    async def consume(
        self,
        consumer: Consumer,
        handle: BatchHandler,
        *,
        missed: MissedHook | None = None,  # noqa: ARG002 -- this bus drops nothing
    ) -> NoReturn:
        await self.ensure(tuple(consumer.streams), [consumer])
        durable = self._durables[consumer.name]
        patient: PausingSettlement[MemoryDelivery] = PausingSettlement(
            Settlement(consumer, handle, self._metrics), grace=_GRACE
        )
        while True:
            await durable.settle(await durable.next(), patient)

    async def broadcast(
        self, broadcast: Broadcast, handle: EventHandler, *, caught_up: asyncio.Event | None = None
    ) -> NoReturn:
        self._log.add_streams(tuple(broadcast.streams))
        announcer = BroadcastHandler(broadcast, handle, self._metrics)
        position, early = self._log.start(broadcast)
        for stored in early:
            await _announce(stored, announcer)
        if caught_up is not None:
            caught_up.set()
        while True:
            position, found = await self._log.after(position, patterns_of(broadcast))
            for stored in found:
                await _announce(stored, announcer)

    async def ping(self) -> None:
        if self.away:
            raise Unavailable("the event bus is away")

    async def close(self) -> None:
        for durable in self._durables.values():
            durable.close()


async def _announce(stored: Stored, announcer: BroadcastHandler) -> None:
    try:
        event = received(stored.message.subject, stored.message.data, stored.message.headers)
    except Poison as poison:
        announcer.unreadable(stored.message.subject, poison)
    else:
        await finish(announcer.announce(event), grace=_GRACE)
