"""Threads that run the model; requests that arrive together share a run."""

import asyncio
import threading
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from fp_kernel import Clock, DeadlineExceeded, Error, Internal, Unavailable
from fp_kernel.tensors import Tensor
from fp_telemetry import get_logger

from fp_serving.app.ports import Model
from fp_serving.domain.arrays import Array, encode
from fp_serving.domain.batching import Batcher, BatchPolicy, join, part

_log = get_logger(__name__)

Outputs = Mapping[str, Tensor]
Outcome = Outputs | Error


@dataclass(slots=True, eq=False)
class _Request:
    inputs: Mapping[str, Array]
    rows: int
    deadline: float
    loop: asyncio.AbstractEventLoop
    answer: "asyncio.Future[Outputs]"
    abandoned: bool = field(default=False)


class BatchRunner:
    """Waiting happens in the threads, on a condition: an event loop's timers are too coarse for microseconds.

    ran: called with rows and requests of each run, from a thread.
    """

    def __init__(
        self,
        policy: BatchPolicy,
        *,
        threads: int,
        clock: Clock,
        ran: Callable[[int, int], None] = lambda rows, requests: None,  # noqa: ARG005 -- named for the reader
    ) -> None:
        self._policy = policy
        self._batcher: Batcher[Hashable, _Request] = Batcher(policy)
        self._clock = clock
        self._ran = ran
        self._changed = threading.Condition()
        self._closed = False
        self._shares = False
        self._model: Model | None = None
        self._threads = [
            threading.Thread(target=self._work, name=f"model-{number}", daemon=True) for number in range(threads)
        ]

    def start(self, model: Model, *, shares: bool) -> None:
        self._model = model
        self._shares = shares
        if not shares:
            # Nobody can join, so nobody waits for company: one line, of which each run takes one request. With a line
            # for each request every look went through all of them, under the lock that the event loop needs too.
            self._batcher = Batcher(replace(self._policy, max_delay=0.0, max_rows=1))
        for thread in self._threads:
            thread.start()

    @property
    def queue_age(self) -> float:
        """Seconds that the oldest waiting request has waited."""
        with self._changed:
            return self._batcher.age(self._clock.monotonic())

    async def submit(self, inputs: Mapping[str, Array], *, key: Hashable, rows: int, deadline: float) -> Outputs:
        loop = asyncio.get_running_loop()
        request = _Request(inputs, rows, deadline, loop, loop.create_future())
        line = key if self._shares else None
        size = sum(array.nbytes for array in inputs.values())
        with self._changed:
            if self._closed:
                raise Unavailable("the runtime is stopping", reason="DRAINING")
            self._batcher.offer(line, rows if self._shares else 1, request, self._clock.monotonic(), size)
            self._changed.notify()
        try:
            return await request.answer
        finally:
            request.abandoned = True

    async def close(self) -> None:
        """Let the threads finish what waits, and end."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            if thread.ident is not None:
                await asyncio.to_thread(thread.join)

    def _work(self) -> None:
        while batch := self._next():
            wanted = [request for request in batch if not request.abandoned]
            if wanted:
                _deliver(wanted, self._answers(wanted))

    def _next(self) -> list[_Request]:
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

    def _answers(self, batch: Sequence[_Request]) -> Sequence[Outcome]:
        now = self._clock.monotonic()
        live = [request for request in batch if request.deadline > now]
        answers: dict[int, Outcome] = {}
        if live:
            answers = dict(zip(map(id, live), self._run(live), strict=True))
        late = DeadlineExceeded("the time was over before the model ran")
        return [answers.get(id(request), late) for request in batch]

    def _run(self, batch: Sequence[_Request]) -> Sequence[Outcome]:
        try:
            rows = [request.rows for request in batch]
            outputs = self._call(join([request.inputs for request in batch]), sum(rows), len(batch))
            return [_encoded(answer) for answer in (part(outputs, rows) if len(batch) > 1 else [outputs])]
        except Exception as error:  # noqa: BLE001 -- a thread that ends takes the model with it
            if len(batch) > 1:
                # One bad request must not fail its neighbours.
                return [self._run([request])[0] for request in batch]
            if isinstance(error, Error):
                return [error]
            _log.exception("model run failed")
            return [Internal("the model failed")]

    def _call(self, inputs: Mapping[str, Array], rows: int, requests: int) -> Mapping[str, Array]:
        if self._model is None:
            raise Unavailable("the model is not loaded")
        self._ran(rows, requests)
        return self._model.run(inputs)


def _encoded(outputs: Mapping[str, Array]) -> Outputs:
    return {name: encode(array) for name, array in outputs.items()}


def _deliver(batch: Sequence[_Request], answers: Sequence[Outcome]) -> None:
    pairs = tuple(zip(batch, answers, strict=True))
    loops = {id(request.loop): request.loop for request in batch}
    for key, loop in loops.items():
        own = [(request.answer, answer) for request, answer in pairs if id(request.loop) == key]
        try:
            loop.call_soon_threadsafe(_settle, own)
        except RuntimeError:
            _log.warning("answers came after the end of the service", answers=len(own))


def _settle(answers: Sequence[tuple["asyncio.Future[Outputs]", Outcome]]) -> None:
    for future, answer in answers:
        if future.done():
            continue
        if isinstance(answer, Error):
            future.set_exception(answer)
        else:
            future.set_result(answer)
