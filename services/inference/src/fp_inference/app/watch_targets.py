"""Looks after runtimes that did not answer, and forgets those that are gone."""

import asyncio

from fp_kernel import Clock
from fp_telemetry import get_logger

from fp_inference.app.breakers import Breakers, Guarded
from fp_inference.app.ports import Runtimes
from fp_inference.app.route_table import RouteTable

_log = get_logger(__name__)


class WatchTargets:
    """A runtime that restarts is back long before its breaker would have tried it: its first READY lets a probe pass.

    interval: seconds between two looks.
    """

    def __init__(
        self, table: RouteTable, breakers: Breakers, runtimes: Runtimes, clock: Clock, *, interval: float = 0.5
    ) -> None:
        self._table = table
        self._breakers = breakers
        self._runtimes = runtimes
        self._clock = clock
        self._interval = interval

    async def run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(self._interval)

    async def look(self) -> None:
        targets = [target for targets in self._table.targets().values() for target in targets]
        self._breakers.retain(targets)
        await self._runtimes.look(targets)
        lost = self._breakers.lost()
        async with asyncio.TaskGroup() as group:
            for guarded in lost:
                group.create_task(self._ask(guarded))

    async def _ask(self, guarded: Guarded) -> None:
        if await self._runtimes.is_ready(guarded.target):
            _log.info("runtime is back", version=guarded.target.version)
            guarded.breaker.seen(self._clock.monotonic())
