"""Answer one prediction."""

import asyncio
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from fp_kernel import Clock
from fp_kernel.tensors import Tensor

from fp_serving.app.ports import Runner
from fp_serving.app.request_counts import RequestCounts
from fp_serving.app.slot import Loaded, Slot
from fp_serving.domain.arrays import Array, decode
from fp_serving.domain.results import Results, fingerprint

T = TypeVar("T")

# Larger requests are read in a thread: the loop must not stand still for a millisecond.
_INLINE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """seconds: from the request's arrival to its answer, its wait for company included.

    from_cache: whether the same question had been answered before, and the model did not run.
    """

    outputs: Mapping[str, Tensor]
    version: str
    seconds: float
    from_cache: bool = False


class Predict:
    """results: answers that were given before; None where each question runs the model."""

    def __init__(
        self, slot: Slot, runner: Runner, counts: RequestCounts, clock: Clock, results: Results | None = None
    ) -> None:
        self._results = results
        self._slot = slot
        self._runner = runner
        self._counts = counts
        self._clock = clock

    async def __call__(self, inputs: Mapping[str, Tensor], *, deadline: float) -> Answer:
        """deadline: on the monotonic clock.

        Raises InvalidArgument naming the field, Unavailable, FailedPrecondition, ResourceExhausted, DeadlineExceeded.
        """
        loaded = self._slot.loaded()
        start = self._clock.monotonic()
        with self._counts.request():
            outputs, from_cache = await self.uncounted(inputs, deadline=deadline)
        seconds = self._clock.monotonic() - start
        self._counts.answered(seconds)
        return Answer(outputs, loaded.facts.version, seconds, from_cache)

    async def uncounted(self, inputs: Mapping[str, Tensor], *, deadline: float) -> tuple[Mapping[str, Tensor], bool]:
        """The outputs, and whether they were given before. Of a step of an ensemble, which is counted itself."""
        loaded = self._slot.loaded()
        loaded.schema.check(inputs)
        return await self._answer(loaded, inputs, deadline)

    async def _answer(
        self, loaded: Loaded, inputs: Mapping[str, Tensor], deadline: float
    ) -> tuple[Mapping[str, Tensor], bool]:
        """The answer, and whether it had been given before."""
        results = self._results
        if results is None:
            return await self._run(loaded, inputs, deadline), False
        asked = await _read(inputs, lambda: fingerprint(loaded.facts.digest, inputs))
        known = results.find(asked)
        if known is not None:
            return known, True
        outputs = await self._run(loaded, inputs, deadline)
        results.keep(asked, outputs)
        return outputs, False

    async def _run(self, loaded: Loaded, inputs: Mapping[str, Tensor], deadline: float) -> Mapping[str, Tensor]:
        if loaded.plan is not None:
            return await loaded.plan(inputs, deadline=deadline)
        schema = loaded.schema
        rows = schema.rows(inputs) if loaded.shares else 1
        arrays = await _read(inputs, lambda: _arrays(inputs))
        # Axes after the first may differ between requests; rows of different widths cannot be stacked.
        key: Hashable | None = tuple(arrays[spec.name].shape[1:] for spec in schema.required)
        if len(arrays) > len(schema.required):
            # What it brings in the place of a default would hold for its neighbours too.
            key = None
        return await self._runner.submit(arrays, key=key, rows=rows, deadline=deadline)


async def _read(inputs: Mapping[str, Tensor], work: Callable[[], T]) -> T:
    if sum(len(tensor.data) for tensor in inputs.values()) <= _INLINE_BYTES:
        return work()
    return await asyncio.to_thread(work)


def _arrays(inputs: Mapping[str, Tensor]) -> Mapping[str, Array]:
    return {name: decode(tensor, f"inputs[{name}]") for name, tensor in inputs.items()}
