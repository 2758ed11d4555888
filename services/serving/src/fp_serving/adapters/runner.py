"""Threads that run the model; requests that arrive together share a run."""

import asyncio
import threading
import time
from collections.abc import Callable, Hashable, Mapping, Sequence

from fp_kernel import Clock, Unavailable
from fp_telemetry import get_logger

from fp_serving.adapters.loop_runs import LoopRuns
from fp_serving.adapters.model_runs import ModelRuns, Observer, Outcome, Outputs, Request, Unobserved, settle
from fp_serving.adapters.run_notes import RunPlace
from fp_serving.app.ports import Model
from fp_serving.domain.arrays import Array
from fp_serving.domain.batching import Batcher, BatchPolicy

_log = get_logger(__name__)


class BatchRunner:
    """Waiting happens in the threads, on a condition: an event loop's timers are too coarse for microseconds. A model
    that is quicker than that runs on the loop.
    """

    def __init__(
        self,
        policy: BatchPolicy,
        *,
        threads: int,
        clock: Clock,
        observer: Observer | None = None,
        place: Callable[[], RunPlace] = RunPlace,
        computed: Callable[[], float] = time.thread_time,
    ) -> None:
        """place: where it is noted that the model runs, once there is one.
        computed: seconds for which this thread had the processor.
        """
        self._computed = computed
        self._placed, self._place = place, RunPlace()
        self._policy = policy
        self._batcher: Batcher[Hashable, Request] = Batcher(policy)
        self._clock = clock
        self._observer = observer or Unobserved()
        self._changed = threading.Condition()
        self._closed = False
        self._begun = False
        self._shares = False
        self._runs: ModelRuns | None = None
        self._on_loop: LoopRuns | None = None
        self._threads = [
            threading.Thread(target=self._work, args=(number,), name=f"model-{number}", daemon=True)
            for number in range(1, threads + 1)
        ]

    def start(self, model: Model, *, shares: bool, seconds: float) -> None:
        self._shares, self._place = shares, self._placed()
        self._runs = runs = ModelRuns(model, self._clock, self._observer, self._place)
        if not shares or not self._policy.max_delay:
            on_loop = LoopRuns(runs, self._clock, self._policy, seconds=seconds, computed=self._computed)
            self._on_loop = on_loop if on_loop.rows else None

    @property
    def queue_age(self) -> float:
        """Seconds that the oldest waiting request has waited."""
        with self._changed:
            return self._batcher.age(self._clock.monotonic())

    async def submit(self, inputs: Mapping[str, Array], *, key: Hashable | None, rows: int, deadline: float) -> Outputs:
        loop = asyncio.get_running_loop()
        request = Request(inputs, rows, self._clock.monotonic(), deadline, loop, loop.create_future())
        line = key if self._shares else None
        size = sum(array.nbytes for array in inputs.values())
        if self._on_loop is not None and self._on_loop.fits(rows, size):
            self._on_loop.offer(line, rows if self._shares else 1, request, size)
        else:
            self._hand_over(line, rows if self._shares else 1, request, size)
        try:
            return await request.answer
        finally:
            request.abandoned = True

    def _hand_over(self, line: Hashable, rows: int, request: Request, size: int) -> None:
        with self._changed:
            if self._closed:
                raise Unavailable("the runtime is stopping", reason="DRAINING")
            self._batcher.offer(line, rows, request, self._clock.monotonic(), size)
            if not self._begun:
                # Not before: of hundreds of models that run on the loop each would have threads that wait for ever.
                self._begun = True
                for thread in self._threads:
                    thread.start()
            self._changed.notify()

    async def close(self) -> None:
        """Let the threads finish what waits, and end."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            if thread.ident is not None:
                await asyncio.to_thread(thread.join)
        self._place.release()

    def _work(self, number: int) -> None:
        while batch := self._next():
            wanted = [request for request in batch if not request.abandoned]
            if wanted:
                _deliver(wanted, self._started().outcomes(wanted, number))

    def _started(self) -> ModelRuns:
        if self._runs is None:
            raise Unavailable("the model is not loaded")
        return self._runs

    def _next(self) -> list[Request]:
        """The next batch; empty when the runner is closed and nothing waits."""
        with self._changed:
            while True:
                now = self._clock.monotonic()
                batch = self._batcher.take(now)
                if batch:
                    return batch
                wait = self._batcher.wait(now)
                if wait is None and self._closed:
                    return []
                self._changed.wait(wait)


def _deliver(batch: Sequence[Request], answers: Sequence[Outcome]) -> None:
    pairs = tuple(zip(batch, answers, strict=True))
    loops = {id(request.loop): request.loop for request in batch}
    for key, loop in loops.items():
        own = [(request.answer, answer) for request, answer in pairs if id(request.loop) == key]
        try:
            loop.call_soon_threadsafe(settle, own)
        except RuntimeError:
            _log.warning("answers came after the end of the service", answers=len(own))
