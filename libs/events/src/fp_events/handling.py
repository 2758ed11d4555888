"""What becomes of events after their handler has returned or failed; the same for every bus."""

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

from fp_kernel import Cancelled, Internal
from fp_telemetry import get_logger

from fp_events import failure, spans
from fp_events.bus import BatchHandler, EventHandler
from fp_events.consumers import Consumer
from fp_events.event import Event
from fp_events.failure import Verdict
from fp_events.meters import Meters

log = get_logger(__name__)

# From its third delivery on an event is handled alone: whatever fails or kills its batch then fails or kills only it.
_TOGETHER: Final = 2
# Deliveries beyond the last attempt mean that the consumer died with the event in hand, again and again.
_DEATHS: Final = 5


class Each:
    """A batch handler that takes its events one by one; each is settled by its own outcome."""

    def __init__(self, handle: EventHandler, concurrency: int) -> None:
        self.handle = handle
        self.concurrency = concurrency

    async def __call__(self, events: Sequence[Event]) -> None:
        for event in events:
            await self.handle(event)


def each(handle: EventHandler, *, concurrency: int = 1) -> Each:
    """Make a handler of single events into a handler of batches.

    concurrency: events of a batch in the handler at the same time; above 1 they are in no order.
    """
    return Each(handle, concurrency)


class Delivery(Protocol):
    """One event in the hands of a consumer. attempt: 1 for the first delivery."""

    @property
    def event(self) -> Event: ...
    @property
    def attempt(self) -> int: ...
    async def ack(self) -> None: ...
    async def retry(self, delay: float) -> None: ...
    async def bury(self, reason: str, error: str) -> None: ...


class Settler:
    """Runs the handler and settles each event: acknowledged, retried, or dead."""

    def __init__(self, consumer: Consumer, handle: BatchHandler, meters: Meters) -> None:
        self._consumer = consumer
        self._handle = handle
        self._meters = meters

    async def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Returns when every delivery is settled."""
        alive = [delivery for delivery in deliveries if not self._deadly(delivery)]
        for delivery in deliveries:
            if self._deadly(delivery):
                await self._bury(delivery, Internal("its consumer died with it in hand", reason="DEADLY"))
        if isinstance(self._handle, Each):
            await self._singly(alive, self._handle.concurrency)
            return
        await self._together([delivery for delivery in alive if delivery.attempt <= _TOGETHER])
        await self._singly([delivery for delivery in alive if delivery.attempt > _TOGETHER], 1)

    def _deadly(self, delivery: Delivery) -> bool:
        return delivery.attempt > self._consumer.max_attempts + _DEATHS

    async def _singly(self, deliveries: Sequence[Delivery], concurrency: int) -> None:
        if concurrency == 1:
            for delivery in deliveries:
                await self._together([delivery])
            return
        seats = asyncio.Semaphore(concurrency)

        async def seated(delivery: Delivery) -> None:
            async with seats:
                await self._together([delivery])

        async with asyncio.TaskGroup() as group:
            for delivery in deliveries:
                group.create_task(seated(delivery))

    async def _together(self, deliveries: Sequence[Delivery]) -> None:
        if not deliveries:
            return
        events = [delivery.event for delivery in deliveries]
        name = self._consumer.name
        try:
            with spans.handling(name, events), self._meters.handling(name):
                async with asyncio.timeout(self._consumer.timeout):
                    await self._call(events)
        except Exception as error:  # noqa: BLE001 -- whatever a handler raises decides over its events, not over the loop
            await self._failed(deliveries, error)
        else:
            for delivery in deliveries:
                await delivery.ack()
            self._meters.consumed(name, "acked", len(deliveries))

    async def _call(self, events: Sequence[Event]) -> None:
        try:
            await self._handle(events)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # A cancelled call that the handler made is the handler's failure, not the end of the consumer.
            raise Cancelled("a call of the handler was cancelled") from error

    async def _failed(self, deliveries: Sequence[Delivery], error: Exception) -> None:
        if len(deliveries) == 1:
            await self._failed_alone(deliveries[0], error)
        elif failure.verdict(error) is Verdict.PASSING:
            # Dividing would ask a broken dependency once more for each event.
            last = [delivery for delivery in deliveries if delivery.attempt >= self._consumer.max_attempts]
            for delivery in deliveries:
                if delivery.attempt < self._consumer.max_attempts:
                    await self._retry(delivery, error)
            await self._singly(last, 1)
        else:
            middle = len(deliveries) // 2
            await self._together(deliveries[:middle])
            await self._together(deliveries[middle:])

    async def _failed_alone(self, delivery: Delivery, error: Exception) -> None:
        if failure.verdict(error) is Verdict.PERMANENT or delivery.attempt >= self._consumer.max_attempts:
            await self._bury(delivery, error)
        else:
            await self._retry(delivery, error)

    async def _retry(self, delivery: Delivery, error: Exception) -> None:
        wait = failure.delay(self._consumer, delivery.attempt, error)
        log.warning(
            "event will be tried again",
            **self._facts(delivery),
            reason=failure.reason(error),
            error=failure.text(error),
            delay_seconds=round(wait, 3),
        )
        self._meters.consumed(self._consumer.name, "retried")
        await delivery.retry(wait)

    async def _bury(self, delivery: Delivery, error: Exception) -> None:
        reason = failure.reason(error)
        log.error("event is dead", **self._facts(delivery), reason=reason, error=failure.text(error))
        self._meters.consumed(self._consumer.name, "dead")
        self._meters.dead(self._consumer.name, reason)
        await delivery.bury(reason, failure.text(error))

    def _facts(self, delivery: Delivery) -> dict[str, object]:
        event = delivery.event
        return {
            "consumer": self._consumer.name,
            "event_type": event.type,
            "event_id": event.id,
            "attempt": delivery.attempt,
            "event_correlation_id": event.correlation_id,
        }
