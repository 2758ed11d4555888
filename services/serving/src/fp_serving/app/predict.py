"""Answer one prediction."""

import asyncio
from collections.abc import Hashable, Mapping
from dataclasses import dataclass

from fp_kernel import Clock
from fp_kernel.tensors import Tensor

from fp_serving.app.ports import Runner
from fp_serving.app.request_counts import RequestCounts
from fp_serving.app.slot import Slot
from fp_serving.domain.arrays import Array, decode

# Larger requests are decoded in a thread: the loop must not stand still for a millisecond.
_INLINE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """seconds: from the request's arrival to its answer, its wait for company included."""

    outputs: Mapping[str, Tensor]
    version: str
    seconds: float


class Predict:
    def __init__(self, slot: Slot, runner: Runner, counts: RequestCounts, clock: Clock) -> None:
        self._slot = slot
        self._runner = runner
        self._counts = counts
        self._clock = clock

    async def __call__(self, inputs: Mapping[str, Tensor], *, deadline: float) -> Answer:
        """deadline: on the monotonic clock.

        Raises InvalidArgument naming the field, Unavailable, FailedPrecondition, ResourceExhausted, DeadlineExceeded.
        """
        loaded = self._slot.loaded()
        schema = loaded.schema
        start = self._clock.monotonic()
        with self._counts.request():
            schema.check(inputs)
            rows = schema.rows(inputs) if loaded.shares else 1
            arrays = await _decode(inputs)
            # Axes after the first may differ between requests; rows of different widths cannot be stacked.
            key: Hashable | None = tuple(arrays[spec.name].shape[1:] for spec in schema.required)
            if len(arrays) > len(schema.required):
                # What it brings in the place of a default would hold for its neighbours too.
                key = None
            outputs = await self._runner.submit(arrays, key=key, rows=rows, deadline=deadline)
        seconds = self._clock.monotonic() - start
        self._counts.answered(seconds)
        return Answer(outputs, loaded.facts.version, seconds)


async def _decode(inputs: Mapping[str, Tensor]) -> Mapping[str, Array]:
    if sum(len(tensor.data) for tensor in inputs.values()) <= _INLINE_BYTES:
        return _arrays(inputs)
    return await asyncio.to_thread(_arrays, inputs)


def _arrays(inputs: Mapping[str, Tensor]) -> Mapping[str, Array]:
    return {name: decode(tensor, f"inputs[{name}]") for name, tensor in inputs.items()}
