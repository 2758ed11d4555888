"""Waiting for a dependency: an outage costs time, and no event an attempt."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Generic

from fp_telemetry import get_logger

from fp_events.cancellation import finish
from fp_events.consumer import failure
from fp_events.consumer.settlement import D, Settlement

log = get_logger(__name__)


class PausingSettlement(Generic[D]):
    """Settles batches, and stops taking new ones while what its handler needs is away.

    A passing failure (UNAVAILABLE, a time-out and the like) leaves its events in hand, unacknowledged and renewed.
    After a pause one event is tried; when it succeeds the rest follow. There is no limit of time: no event is given
    up, and those in flight stay at a batch or two. An event that fails so while others succeed is charged an attempt,
    since its own content may be what times out.
    """

    def __init__(self, settlement: Settlement, *, grace: float) -> None:
        """grace: seconds that a handler at work is given when the consumer is cancelled."""
        self._settlement = settlement
        self._grace = grace

    async def settle(self, deliveries: Sequence[D], more: Callable[[], Sequence[D]]) -> None:
        """Until every one is settled.

        more: takes an event that waits, if one does, so that those in hand are not the only ones to probe with.
        """
        waiting = await self._run(self._settlement.settle, deliveries)
        probes = 0
        while waiting:
            probes += 1
            await self._pause(probes, len(waiting))
            if len(waiting) < 2 * self._settlement.consumer.batch:
                waiting = [*more(), *waiting]
            probe, *rest = waiting
            failed = await self._run(self._settlement.settle, [probe])
            if failed:
                waiting = [*rest, *failed]
                continue
            probes = 0
            waiting = await self._run(self._settlement.settle, rest)
            if waiting:
                waiting = await self._run(self._settlement.charge, waiting)

    async def _pause(self, probes: int, events: int) -> None:
        error = self._settlement.passing
        wait = failure.pause(self._settlement.consumer, probes, error)
        log.warning(
            "consumer pauses: what it needs is away",
            consumer=self._settlement.consumer.name,
            reason=failure.reason(error),
            error=failure.text(error),
            events_in_hand=events,
            delay_seconds=round(wait, 3),
        )
        await asyncio.sleep(wait)

    async def _run(
        self, work: Callable[[Sequence[D]], Coroutine[Any, Any, list[D]]], deliveries: Sequence[D]
    ) -> list[D]:
        """The handler at work is not cut in two by the end of the consumer; a pause is."""
        left: list[D] = []

        async def at_work() -> None:
            left.extend(await work(deliveries))

        await finish(at_work(), grace=self._grace)
        return left
