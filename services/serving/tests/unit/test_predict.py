"""Which requests may share a run."""

from collections.abc import Hashable, Mapping

import numpy as np
import pytest
from fp_kernel import InvalidArgument
from fp_kernel.packing import pack
from fp_kernel.signatures import TensorSpec
from fp_kernel.tensors import ElementType, Tensor
from fp_serving.app.predict import Predict
from fp_serving.app.request_counts import RequestCounts
from fp_serving.app.slot import Assignment, Loaded, Slot, VersionFacts
from fp_serving.domain.arrays import Array
from fp_serving.domain.lifecycle import ModelState
from fp_serving.domain.results import Results
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


def _ready_slot(clock: ManualClock) -> Slot:
    slot = Slot(Assignment("alpha", "v-1", "delays"), clock)
    for state in (ModelState.DOWNLOADING, ModelState.LOADING):
        slot.move(state, "")
    facts = VersionFacts("alpha", "v-1", "m-1", "3", "sha256:" + "0" * 64, 10)
    slot.ready(Loaded(facts, _SCHEMA, True, clock.now(), 0), "")
    return slot


async def test_a_repeated_question_is_answered_without_a_run_where_answers_are_kept() -> None:
    clock, runner, counts = ManualClock(), NotedKeys(), RequestCounts()
    predict = Predict(_ready_slot(clock), runner, counts, clock, Results(10_000))
    one, other = (pack([[value]], ElementType.FLOAT32, "x") for value in (1.0, 2.0))
    answers = [await predict({"x": tensor}, deadline=1.0) for tensor in (one, one, other, one)]
    assert [answer.from_cache for answer in answers] == [False, True, False, True]
    assert answers[1].outputs == answers[0].outputs
    assert len(runner.keys) == 2
    assert counts.total == 4


async def test_a_bad_question_is_refused_and_not_kept() -> None:
    clock, runner = ManualClock(), NotedKeys()
    predict = Predict(_ready_slot(clock), runner, RequestCounts(), clock, Results(10_000))
    for _ in range(2):
        with pytest.raises(InvalidArgument):
            await predict({"z": pack([[1.0]], ElementType.FLOAT32, "z")}, deadline=1.0)
    assert runner.keys == []


async def test_without_a_bound_each_question_runs() -> None:
    clock, runner = ManualClock(), NotedKeys()
    predict = Predict(_ready_slot(clock), runner, RequestCounts(), clock)
    for _ in range(2):
        answer = await predict({"x": pack([[1.0]], ElementType.FLOAT32, "x")}, deadline=1.0)
        assert not answer.from_cache
    assert len(runner.keys) == 2


async def test_requests_of_one_width_share_a_run_and_one_that_replaces_a_default_shares_with_nobody() -> None:
    clock, runner = ManualClock(), NotedKeys()
    predict = Predict(_ready_slot(clock), runner, RequestCounts(), clock)
    narrow, wide = (pack([row], ElementType.FLOAT32, "x") for row in ([1.0], [1.0, 2.0]))
    scale = pack([2.0], ElementType.FLOAT32, "scale")
    for inputs in ({"x": narrow}, {"x": narrow}, {"x": wide}, {"x": narrow, "scale": scale}):
        await predict(inputs, deadline=1.0)
    first, second, third, replaced = runner.keys
    assert first == second
    assert third not in (None, first)
    assert replaced is None
