"""The settlement of events after their handler has returned or failed; the same for every bus."""

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol, TypeVar

from fp_kernel import Cancelled, Internal, Unavailable
from fp_telemetry import get_logger

from fp_events import tracing
from fp_events.bus import BatchHandler, EventHandler
from fp_events.consumer import failure
from fp_events.consumer.declaration import Consumer
from fp_events.consumer.failure import Verdict
from fp_events.message.event import Event
from fp_events.metrics import BusMetrics

log = get_logger(__name__)

# From its third delivery on an event is handled alone: whatever fails or kills its batch then fails or kills only it.
_TOGETHER: Final = 2
# So many deliveries beyond the last attempt mean that the process died each time it handled the event.
_DEATHS: Final = 5
# Passing failures one after another that say "outage" rather than "these events".
_IN_A_ROW: Final = 3


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
    """One event that a consumer has and has not settled. attempt: 1 for the first delivery."""

    event: Event

    @property
    def attempt(self) -> int: ...
    async def ack(self) -> None: ...
    async def retry(self, delay: float) -> None: ...
    async def give_up(self, reason: str, error: str) -> None: ...
    async def restart(self) -> None:
        """Hand it to this consumer alone, as if for the first time."""


D = TypeVar("D", bound=Delivery)


class Settlement:
    """Runs the handler and settles each event: acknowledged, retried, or dead.

    Events that met a passing error are returned by `settle` as not settled: they did not cause it, and
    `PausingSettlement` decides what happens to them.
    passing: the last such error.
    """

    def __init__(self, consumer: Consumer, handle: BatchHandler, metrics: BusMetrics) -> None:
        self.consumer = consumer
        self.passing: Exception = Unavailable("a dependency is away")
        self._handle = handle
        self._metrics = metrics

    async def settle(self, deliveries: Sequence[D]) -> list[D]:
        """The deliveries that are not settled: those that met a passing failure, and those behind them."""
        known = [delivery for delivery in deliveries if await self._known(delivery)]
        alive: list[D] = []
        for delivery in known:
            if delivery.attempt > self.consumer.max_attempts + _DEATHS:
                await self._give_up(delivery, Internal("its consumer died with it in hand", reason="DEADLY"))
            else:
                alive.append(delivery)
        if isinstance(self._handle, Each):
            return await self._singly(alive, self._handle.concurrency)
        waiting = await self._together([delivery for delivery in alive if delivery.attempt <= _TOGETHER])
        alone = [delivery for delivery in alive if delivery.attempt > _TOGETHER]
        return [*waiting, *(alone if waiting else await self._singly(alone, 1))]

    async def charge(self, deliveries: Sequence[D]) -> list[D]:
        """Handle each alone, while others succeed: a passing failure is then taken for the event's own.

        Returns those behind three such failures in a row, which are an outage again.
        """
        failed = 0
        for index, delivery in enumerate(deliveries):
            if await self._together([delivery]):
                failed += 1
                await self._failed_alone(delivery, self.passing)
                if failed == _IN_A_ROW:
                    return list(deliveries[index + 1 :])
            else:
                failed = 0
        return []

    async def _known(self, delivery: Delivery) -> bool:
        """Whether this build has its payload, or the consumer goes by its envelope; else it waits for another build."""
        if self.consumer.takes_unknown or delivery.event.known:
            return True
        log.warning("event waits for a build that has its payload", **self._facts(delivery))
        self._metrics.consumed(self.consumer.name, "unknown")
        if delivery.attempt < self.consumer.max_attempts:
            await delivery.retry(failure.delay(self.consumer, delivery.attempt, self.passing))
        else:
            await delivery.restart()
        return False

    async def _singly(self, deliveries: Sequence[D], concurrency: int) -> list[D]:
        """One by one, up to the first that meets a passing failure; those at work beside it end as they do."""
        waiting: list[D] = []
        seats = asyncio.Semaphore(concurrency)

        async def seated(delivery: D) -> None:
            async with seats:
                waiting.extend([delivery] if waiting else await self._together([delivery]))

        if concurrency == 1:
            for delivery in deliveries:
                await seated(delivery)
            return _behind(waiting)
        async with asyncio.TaskGroup() as group:
            for delivery in deliveries:
                group.create_task(seated(delivery))
        return _behind(waiting)

    async def _together(self, deliveries: Sequence[D]) -> list[D]:
        if not deliveries:
            return []
        events = [delivery.event for delivery in deliveries]
        name = self.consumer.name
        try:
            with tracing.handling(name, events), self._metrics.handling(name):
                async with asyncio.timeout(self.consumer.timeout):
                    await self._call(events)
        except Exception as error:  # noqa: BLE001 -- whatever a handler raises decides over its events, not over the loop
            return await self._failed(deliveries, error)
        for delivery in deliveries:
            await delivery.ack()
        self._metrics.consumed(name, "acked", len(deliveries))
        return []

    async def _call(self, events: Sequence[Event]) -> None:
        try:
            await self._handle(events)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # A cancelled call that the handler made is the handler's failure, not the end of the consumer.
            raise Cancelled("a call of the handler was cancelled") from error

    async def _failed(self, deliveries: Sequence[D], error: Exception) -> list[D]:
        if failure.verdict(error) is Verdict.PASSING:
            # Dividing would ask a broken dependency once more for each event.
            self.passing = error
            return list(deliveries)
        if len(deliveries) == 1:
            await self._failed_alone(deliveries[0], error)
            return []
        middle = len(deliveries) // 2
        waiting = await self._together(deliveries[:middle])
        rest = deliveries[middle:]
        return [*waiting, *rest] if waiting else await self._together(rest)

    async def _failed_alone(self, delivery: Delivery, error: Exception) -> None:
        if failure.verdict(error) is Verdict.PERMANENT or delivery.attempt >= self.consumer.max_attempts:
            await self._give_up(delivery, error)
        else:
            await self._retry(delivery, error)

    async def _retry(self, delivery: Delivery, error: Exception) -> None:
        wait = failure.delay(self.consumer, delivery.attempt, error)
        log.warning(
            "event will be tried again",
            **self._facts(delivery),
            reason=failure.reason(error),
            error=failure.text(error),
            delay_seconds=round(wait, 3),
        )
        self._metrics.consumed(self.consumer.name, "retried")
        await delivery.retry(wait)

    async def _give_up(self, delivery: Delivery, error: Exception) -> None:
        reason = failure.reason(error)
        log.error("event is dead", **self._facts(delivery), reason=reason, error=failure.text(error))
        self._metrics.consumed(self.consumer.name, "dead")
        self._metrics.dead(self.consumer.name, reason)
        await delivery.give_up(reason, failure.text(error))

    def _facts(self, delivery: Delivery) -> dict[str, object]:
        event = delivery.event
        return {
            "consumer": self.consumer.name,
            "event_type": event.type,
            "event_id": event.id,
            "attempt": delivery.attempt,
            "event_correlation_id": event.correlation_id,
        }


def _behind(waiting: list[D]) -> list[D]:
    """The one that failed goes to the end: the next probe is another's, or one event could stop all of them."""
    return [*waiting[1:], *waiting[:1]]
