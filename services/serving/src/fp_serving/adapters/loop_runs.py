"""Runs on the event loop, of a model that takes less time than handing a request to a thread and its answer back."""

import asyncio
from collections.abc import Callable, Hashable
from dataclasses import replace

from fp_kernel import Clock
from fp_telemetry import get_logger

from fp_serving.adapters.model_runs import ModelRuns, Request, settle
from fp_serving.domain.batching import Batcher, BatchPolicy

_log = get_logger(__name__)
# Seconds. A hand-over costs 9 to 29 microseconds of CPU and two wake-ups; a model of one row that takes longer than
# this is worth it. One run on the loop, which stands still meanwhile, takes at most `_LONGEST` by what was measured.
QUICK = 0.0001
_LONGEST = 0.0005
# A run that computed for so long was not foreseen: from then on the threads run everything. Time in which the processor
# was others' says nothing of the model: with it, a run that takes 5 microseconds met this bound on any busy machine.
_TOO_LONG = 0.005
# What was measured was a small request; axes of any length make a larger one slower than its rows tell.
_MOST_BYTES = 16 * 1024


class LoopRuns:
    """What arrives in one turn of the loop shares a run.

    seconds: that a run of one row takes. computed: seconds for which this thread had the processor.
    rows: of the largest request that runs here; 0 for a model that is not quick.
    """

    def __init__(
        self, runs: ModelRuns, clock: Clock, policy: BatchPolicy, *, seconds: float, computed: Callable[[], float]
    ) -> None:
        self._runs = runs
        self._clock = clock
        self._computed = computed
        self.rows = max(1, int(_LONGEST / max(seconds, 1e-6))) if seconds <= QUICK else 0
        most = max(1, min(policy.max_rows, self.rows))
        self._batcher: Batcher[Hashable, Request] = Batcher(replace(policy, max_rows=most))

    def fits(self, rows: int, size: int) -> bool:
        """Whether a request of so many rows and bytes is small enough."""
        return rows <= self.rows and size <= _MOST_BYTES

    def offer(self, key: Hashable | None, rows: int, request: Request, size: int) -> None:
        """Raises ResourceExhausted when too much waits."""
        if not self._batcher.rows:
            request.loop.call_soon(self._work, request.loop)
        self._batcher.offer(key, rows, request, self._clock.monotonic(), size)

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        """One run; others have their turn before the next."""
        start = self._computed()
        batch = [request for request in self._batcher.take(self._clock.monotonic()) if not request.abandoned]
        if batch:
            settle(tuple(zip((request.answer for request in batch), self._runs.outcomes(batch), strict=True)))
        seconds = self._computed() - start
        if seconds > _TOO_LONG and self.rows:
            _log.warning("a run on the event loop took long; threads run the model now", seconds=round(seconds, 4))
            self.rows = 0
        if self._batcher.rows:
            loop.call_soon(self._work, loop)
