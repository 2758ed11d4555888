"""The position of a competing consumer, in memory."""

import asyncio
from collections import deque
from collections.abc import Sequence
from datetime import timedelta

from fp_events.consumer.declaration import Consumer
from fp_events.consumer.failure import reason, text
from fp_events.consumer.outage import PausingSettlement
from fp_events.dead_letters.headers import again, dead_letter, event_id
from fp_events.message.envelope import EncodedEvent, received
from fp_events.message.event import Event, Poison

from fp_testkit.memory_bus.log import MemoryLog, Stored, patterns_of
from fp_testkit.wallclock import MOMENT


class MemoryDelivery:
    event: Event

    def __init__(self, stored: Stored, attempt: int, durable: "Durable") -> None:
        self.stored = stored
        self.attempt = attempt
        self.settled = False
        self._durable = durable

    async def ack(self) -> None:
        self.settled = True
        self._durable.done()

    async def retry(self, delay: float) -> None:
        self.settled = True
        self._durable.later(self, delay)

    async def give_up(self, reason: str, error: str) -> None:
        self._durable.give_up(self, reason, error)
        await self.ack()

    async def restart(self) -> None:
        self._durable.restart(self)
        await self.ack()


class Durable:
    """Pending messages of one consumer, shared by whoever consumes under its name."""

    def __init__(self, consumer: Consumer, log: MemoryLog) -> None:
        self._consumer = consumer
        self._log = log
        self._pending: deque[MemoryDelivery] = deque()
        self._in_flight = 0
        self._timers: set[asyncio.TimerHandle] = set()
        self._changed = asyncio.Event()
        log.listen(patterns_of(consumer), self._arrived)

    async def next(self) -> list[MemoryDelivery]:
        """Wait for messages and take a batch; taken ones count as in flight until they are done."""
        while not (room := self._room()):
            self._changed.clear()
            await self._changed.wait()
        taken = [self._pending.popleft() for _ in range(room)]
        self._in_flight += len(taken)
        return taken

    async def settle(self, deliveries: Sequence[MemoryDelivery], patient: PausingSettlement[MemoryDelivery]) -> None:
        hand, readable = list(deliveries), []
        try:
            for delivery in deliveries:
                message = delivery.stored.message
                try:
                    delivery.event = received(message.subject, message.data, message.headers)
                except Poison as poison:
                    await delivery.give_up(reason(poison), text(poison))
                else:
                    readable.append(delivery)
            await patient.settle(readable, lambda: self._more(hand))
        finally:
            for delivery in hand:
                if not delivery.settled:
                    self.later(delivery, 0.0)

    def restart(self, delivery: MemoryDelivery) -> None:
        message = delivery.stored.message
        given = EncodedEvent(event_id(message.headers), message.subject, message.data, message.headers)
        self._log.append(again(given, self._consumer.name))

    def _more(self, hand: list[MemoryDelivery]) -> list[MemoryDelivery]:
        """One that waits. What cannot be read is left where it is."""
        for delivery in self._pending if self._room() else ():
            message = delivery.stored.message
            try:
                delivery.event = received(message.subject, message.data, message.headers)
            except Poison:
                continue
            self._pending.remove(delivery)
            self._in_flight += 1
            hand.append(delivery)
            return [delivery]
        return []

    def done(self) -> None:
        self._in_flight -= 1
        self._changed.set()

    def later(self, delivery: MemoryDelivery, delay: float) -> None:
        again = MemoryDelivery(delivery.stored, delivery.attempt + 1, self)

        def back() -> None:
            self._timers.discard(timer)
            self._pending.append(again)
            self.done()

        timer = asyncio.get_running_loop().call_later(delay, back)
        self._timers.add(timer)

    def give_up(self, delivery: MemoryDelivery, reason: str, error: str) -> None:
        message = delivery.stored.message
        self._log.append(
            dead_letter(
                EncodedEvent(event_id(message.headers), message.subject, message.data, message.headers),
                self._consumer.name,
                origin=str(delivery.stored.number),
                attempts=delivery.attempt,
                reason=reason,
                error=error,
                now=MOMENT + timedelta(milliseconds=delivery.stored.number),
            )
        )

    def close(self) -> None:
        for timer in self._timers:
            timer.cancel()

    def _room(self) -> int:
        return min(self._consumer.batch, len(self._pending), self._consumer.max_in_flight - self._in_flight)

    def _arrived(self, stored: Stored) -> None:
        self._pending.append(MemoryDelivery(stored, 1, self))
        self._changed.set()
