"""Which requests may share a run."""

from collections.abc import Hashable, Mapping

import numpy as np
from fp_kernel.packing import pack
from fp_kernel.signatures import TensorSpec
from fp_kernel.tensors import ElementType, Tensor
from fp_serving.app.predict import Predict
from fp_serving.app.request_counts import RequestCounts
from fp_serving.app.slot import Assignment, Loaded, Slot, VersionFacts
from fp_serving.domain.arrays import Array
from fp_serving.domain.lifecycle import ModelState
from fp_serving.domain.schema import Schema
from fp_testkit.clock import ManualClock

_SCHEMA = Schema(
    (
        TensorSpec("x", ElementType.FLOAT32, (-1, -1)),
        TensorSpec("scale", ElementType.FLOAT32, (1,), optional=True),
    ),
    (TensorSpec("y", ElementType.FLOAT32, (-1,)),),
)


class NotedKeys:
    def __init__(self) -> None:
        self.keys: list[Hashable | None] = []

    def start(self, model: object, *, shares: bool, seconds: float) -> None:
        """Nothing."""

    async def submit(
        self, inputs: Mapping[str, Array], *, key: Hashable | None, rows: int, deadline: float
    ) -> Mapping[str, Tensor]:
        self.keys.append(key)
        return {"y": pack(np.zeros(rows).tolist(), ElementType.FLOAT32, "y")}

    @property
    def queue_age(self) -> float:
        return 0.0

    async def close(self) -> None:
        """Nothing."""


async def test_requests_of_one_width_share_a_run_and_one_that_replaces_a_default_shares_with_nobody() -> None:
    clock, runner = ManualClock(), NotedKeys()
    slot = Slot(Assignment("alpha", "v-1", "delays"), clock)
    for state in (ModelState.DOWNLOADING, ModelState.LOADING):
        slot.move(state, "")
    facts = VersionFacts("alpha", "v-1", "m-1", "3", "sha256:" + "0" * 64, 10)
    slot.ready(Loaded(facts, _SCHEMA, True, clock.now(), 0), "")
    predict = Predict(slot, runner, RequestCounts(), clock)
    narrow, wide = (pack([row], ElementType.FLOAT32, "x") for row in ([1.0], [1.0, 2.0]))
    scale = pack([2.0], ElementType.FLOAT32, "scale")
    for inputs in ({"x": narrow}, {"x": narrow}, {"x": wide}, {"x": narrow, "scale": scale}):
        await predict(inputs, deadline=1.0)
    first, second, third, replaced = runner.keys
    assert first == second
    assert third not in (None, first)
    assert replaced is None
