"""Ensembles, and samples that a version is tried with before it is READY."""

import asyncio
import math

import numpy as np
import pytest
from fp_kernel import DeadlineExceeded, InvalidArgument, ResourceExhausted, invalid
from fp_kernel.ensembles import Source, Step, ordered
from fp_kernel.packing import pack
from fp_kernel.tensors import ElementType
from fp_serving.app.plan import Plan
from fp_serving.domain.arrays import decode
from fp_serving.domain.lifecycle import MemberFailed, ModelState, WarmUpFailed
from fp_testkit.clock import ManualClock
from fp_testkit.patience import PATIENCE
from serving_loads import FakeMembers, Identity, Setting

_DIGEST = "sha256:" + "0" * 64
_ROW = {"x": pack([[1.0, 2.0]], ElementType.FLOAT32, "x")}


def step(name, source="inputs.features"):
    before, _, tensor = source.partition(".")
    return Step(name, f"v-{name}", _DIGEST, {"x": Source("" if before == "inputs" else before, tensor)}, name, "1")


def chain(warm_up=None):
    """Twice doubled."""
    return ordered([step("last", "first.y"), step("first")], {"y": Source("last", "y")}, warm_up)


def plan_of(ensemble, members, took=lambda _: None):
    return Plan(ensemble, members, ManualClock(), took)


async def answered(plan, value=1.0):
    found = await plan({"features": pack([[value, value]], ElementType.FLOAT32, "x")}, deadline=math.inf)
    return {name: decode(tensor, name).tolist() for name, tensor in found.items()}


async def test_steps_run_in_the_order_of_what_they_need():
    members, took = FakeMembers(), []
    assert await answered(plan_of(chain(), members, took.append)) == {"y": [[4.0, 4.0]]}
    assert took == [0.0]
    assert members.asked == ["first", "last"]


async def test_steps_that_need_nothing_of_each_other_run_at_the_same_time():
    both = asyncio.Barrier(2)

    class Meeting(FakeMembers):
        async def ask(self, step, inputs, *, deadline):
            if step.name != "last":
                async with asyncio.timeout(PATIENCE):
                    await both.wait()
            return await super().ask(step, inputs, deadline=deadline)

    ensemble = ordered(
        [step("left"), step("right"), step("last", "left.y")], {"y": Source("last", "y"), "z": Source("right", "y")}
    )
    assert await answered(plan_of(ensemble, Meeting())) == {"y": [[4.0, 4.0]], "z": [[2.0, 2.0]]}


@pytest.mark.parametrize(
    ("failing", "fields"),
    [("first", ["inputs[features].shape"]), ("last", ["steps[last].inputs[x].shape"])],
)
async def test_a_refusal_names_the_step_and_the_tensor_as_the_caller_calls_it(failing, fields):
    class Refusing(FakeMembers):
        async def ask(self, step, inputs, *, deadline):
            if step.name == failing:
                raise invalid("inputs[x].shape", "axis 1 must be 3, is 2")
            return await super().ask(step, inputs, deadline=deadline)

    with pytest.raises(InvalidArgument, match=rf"step {failing} \({failing} 1\)") as refused:
        await answered(plan_of(chain(), Refusing()))
    assert [each.field for each in refused.value.fields] == fields


async def test_what_a_step_has_no_room_or_time_for_stays_what_it_is():
    for error in (ResourceExhausted("full", reason="QUEUE_FULL", retry_after=0.5), DeadlineExceeded("late")):
        members = FakeMembers()
        members.broken = error
        with pytest.raises(type(error)) as raised:
            await answered(plan_of(chain(), members))
        assert (raised.value.reason, raised.value.retry_after) == (error.reason, error.retry_after)
        assert "step first" in raised.value.message


async def test_a_caller_who_goes_away_ends_the_steps_that_run():
    begun, ended = asyncio.Event(), []

    class Endless(FakeMembers):
        async def ask(self, step, inputs, *, deadline):
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(step.name)

    ensemble = ordered([step("left"), step("right")], {"y": Source("left", "y"), "z": Source("right", "y")})
    task = asyncio.create_task(answered(plan_of(ensemble, Endless())))
    async with asyncio.timeout(PATIENCE):
        await begun.wait()
        task.cancel()
        await asyncio.wait({task})
    assert sorted(ended) == ["left", "right"]


async def test_an_ensemble_comes_up_with_the_tensors_of_its_steps_and_answers():
    setting = Setting()
    setting.artifacts.composed = chain([{"features": [1.0, 2.0]}])
    await setting.load()
    loaded = setting.slot.loaded()
    assert [spec.name for spec in loaded.schema.inputs] == ["features"]
    assert [spec.name for spec in loaded.schema.outputs] == ["y"]
    assert setting.members.asked == ["first", "last"], "its sample ran"
    assert await answered(loaded.plan, 3.0) == {"y": [[12.0, 12.0]]}


async def test_an_ensemble_fails_for_the_reason_of_its_member():
    setting = Setting()
    setting.artifacts.composed = chain()
    setting.members.broken = MemberFailed("step first: too large", "MODEL_TOO_LARGE")
    await setting.load()
    assert (setting.slot.status.state, setting.slot.status.reason) == (ModelState.FAILED, "MODEL_TOO_LARGE")


@pytest.mark.parametrize(
    ("warm_up", "says"), [([{"other": [1.0]}], "other"), ([{"features": [1.0]}], "axis 1 must be 2")]
)
async def test_an_ensemble_whose_samples_do_not_fit_fails(warm_up, says):
    setting = Setting()
    setting.artifacts.composed = chain(warm_up)
    await setting.load()
    assert setting.slot.status.state is ModelState.FAILED
    assert says in setting.slot.status.message


async def test_samples_run_before_a_model_is_ready():
    class Counting(Identity):
        seen = ()

        def run(self, inputs):
            self.seen = (*self.seen, inputs["x"].tolist())
            return super().run(inputs)

    model = Counting()
    setting = Setting(model=model)
    setting.engine.given = [_ROW, {"x": pack([[5.0, 6.0], [7.0, 8.0]], ElementType.FLOAT32, "x")}]
    await setting.load()
    assert setting.slot.status.state is ModelState.READY
    assert model.seen[:2] == ([[1.0, 2.0]], [[5.0, 6.0], [7.0, 8.0]])


async def test_a_model_that_cannot_compute_its_sample_fails_with_a_reason_of_its_own():
    class Picky(Identity):
        def run(self, inputs):
            if np.any(inputs["x"] == 2.0):
                raise invalid("inputs", "no twos")
            return super().run(inputs)

    setting = Setting(model=Picky())
    setting.engine.given = [_ROW]
    await setting.load()
    assert (setting.slot.status.state, setting.slot.status.reason) == (ModelState.FAILED, "WARM_UP_FAILED")
    assert "sample 0: inputs: no twos" in setting.slot.status.message


async def test_samples_that_do_not_fit_fail_with_the_same_reason():
    setting = Setting()
    setting.engine.given = WarmUpFailed("its samples do not fit it")
    await setting.load()
    assert (setting.slot.status.state, setting.slot.status.reason) == (ModelState.FAILED, "WARM_UP_FAILED")


async def test_a_model_with_samples_need_not_compute_what_is_made_up():
    class NoZeros(Identity):
        def run(self, inputs):
            if not np.all(inputs["x"]):
                raise invalid("inputs", "no zeros")
            return super().run(inputs)

    setting = Setting(model=NoZeros())
    setting.engine.given = [_ROW]
    await setting.load()
    assert setting.slot.status.state is ModelState.READY
    assert setting.runner.seconds < math.inf
