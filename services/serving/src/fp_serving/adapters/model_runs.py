"""One run of the model for the requests that share it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from fp_kernel import Clock, DeadlineExceeded, Error, Internal
from fp_kernel.tensors import Tensor
from fp_telemetry import get_logger

from fp_serving.adapters.run_notes import RunPlace
from fp_serving.app.ports import Model
from fp_serving.domain.arrays import Array, encode
from fp_serving.domain.batching import join, part

_log = get_logger(__name__)

Outputs = Mapping[str, Tensor]
Outcome = Outputs | Error


@dataclass(slots=True, eq=False)
class Request:
    """since: when it arrived, on the monotonic clock."""

    inputs: Mapping[str, Array]
    rows: int
    since: float
    deadline: float
    loop: asyncio.AbstractEventLoop
    answer: "asyncio.Future[Outputs]"
    abandoned: bool = field(default=False)


class Observer(Protocol):
    """What is measured of runs; called from the thread of the run."""

    def waited(self, seconds: float) -> None:
        """A request, from its arrival to its run."""
        ...

    def ran(self, rows: int, seconds: float) -> None:
        """One run, also one that failed."""
        ...


class Unobserved:
    def waited(self, seconds: float) -> None:
        """Nothing."""

    def ran(self, rows: int, seconds: float) -> None:
        """Nothing."""


class ModelRuns:
    """place: where it is noted that the model runs."""

    def __init__(self, model: Model, clock: Clock, observer: Observer, place: RunPlace) -> None:
        self._model = model
        self._clock = clock
        self._observer = observer
        self._place = place

    def outcomes(self, batch: Sequence[Request], runner: int = 0) -> Sequence[Outcome]:
        """What each request gets; one that is too late does not run. runner: 0 for the event loop, else a thread."""
        now = self._clock.monotonic()
        live = [request for request in batch if request.deadline > now]
        for request in live:
            self._observer.waited(now - request.since)
        answers: dict[int, Outcome] = {}
        if live:
            answers = dict(zip(map(id, live), self._run(live, runner), strict=True))
        late = DeadlineExceeded("the time was over before the model ran")
        return [answers.get(id(request), late) for request in batch]

    def _run(self, batch: Sequence[Request], runner: int) -> Sequence[Outcome]:
        try:
            rows = [request.rows for request in batch]
            outputs = self._measured(join([request.inputs for request in batch]), sum(rows), runner)
            return [_encoded(answer) for answer in (part(outputs, rows) if len(batch) > 1 else [outputs])]
        except Exception as error:  # noqa: BLE001 -- a thread that ends takes the model with it
            if len(batch) > 1:
                # One bad request must not fail its neighbours.
                return [self._run([request], runner)[0] for request in batch]
            if isinstance(error, Error):
                return [error]
            _log.exception("model run failed")
            return [Internal("the model failed")]

    def _measured(self, inputs: Mapping[str, Array], rows: int, runner: int) -> Mapping[str, Array]:
        start = self._clock.monotonic()
        self._place.begin(runner)
        try:
            return self._model.run(inputs)
        finally:
            self._place.end(runner)
            self._observer.ran(rows, self._clock.monotonic() - start)


def settle(answers: Sequence[tuple["asyncio.Future[Outputs]", Outcome]]) -> None:
    """Give each request its outcome, on its event loop."""
    for future, answer in answers:
        if future.done():
            continue
        if isinstance(answer, Error):
            future.set_exception(answer)
        else:
            future.set_result(answer)


def _encoded(outputs: Mapping[str, Array]) -> Outputs:
    return {name: encode(array) for name, array in outputs.items()}
