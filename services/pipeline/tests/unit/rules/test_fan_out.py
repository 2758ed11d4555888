"""A step that fans out: every item runs once, failures do what was asked for, and the step is what its items are."""

from collections import Counter

import pytest
from fp_kernel import InvalidArgument
from fp_pipeline.domain import scheduling
from fp_pipeline.domain.definition import PipelineDraft, PipelineType, StepDefinition, StepType
from fp_pipeline.domain.events import ExecutionFailed, StepCompleted, StepFailed
from fp_pipeline.domain.execution import ExecutionStatus, StepStatus, after
from fp_pipeline.domain.validation import JobModules, check
from hypothesis import given
from hypothesis import strategies as st

MODULES = JobModules(frozenset({"work"}))


def fanning(*parents: str, step_id: str = "each", **fan_out: object) -> StepDefinition:
    config = {"module": "work", "fan_out": fan_out}
    return StepDefinition(step_id, StepType.CUSTOM, depends_on=parents, config=config)


def refused(*steps: StepDefinition, kind: PipelineType = PipelineType.BATCH_INFERENCE) -> str:
    with pytest.raises(InvalidArgument) as error:
        check(PipelineDraft("p", kind, steps), MODULES)
    return error.value.message


@given(st.integers(0, 12), st.integers(1, 4), st.integers(0, 3), st.data())
def test_every_item_runs_once_and_no_more_at_a_time_than_allowed(plays, count, parallelism, own, pick):
    step = fanning("s0", items=list(range(count)), parallelism=own)
    steps = (plays.step("s0"), step, plays.step("s2", "each"), plays.step("s3"))
    play = plays.graph(*steps, parallelism=parallelism).run(pick)
    assert play.execution.status is ExecutionStatus.COMPLETED
    assert Counter(play.ran) == Counter(["s0", "s2", "s3", *(f"each.{index}" for index in range(count))])
    running: set[str] = set()
    for transition in play.transitions:
        changed = transition.step
        if changed is None or changed.step_id == "each":
            continue
        (running.add if changed.status is StepStatus.RUNNING else running.discard)(changed.step_id)
        assert len(running) <= parallelism
        if own:
            assert sum(name.startswith("each.") for name in running) <= own
    results = [{"by": f"each.{index}"} for index in range(count)]
    output = play.execution.step("each").output
    assert output == {"items": count, "completed": count, "failed": [], "results": results}
    assert [item.item.value for item in play.execution.items("each")] == list(range(count))
    assert play.ran.index("s2") > max((play.ran.index(f"each.{index}") for index in range(count)), default=0)


@given(st.integers(1, 8), st.sampled_from(["stop", "finish", "tolerate"]), st.data())
def test_failed_items_do_what_was_asked_for(plays, count, on_failure, pick):
    broken = pick.draw(st.sets(st.integers(0, count - 1), min_size=1))
    flaky = pick.draw(st.sets(st.integers(0, count - 1)))
    failing = dict.fromkeys((f"each.{index}" for index in flaky), 1)
    failing |= dict.fromkeys((f"each.{index}" for index in broken), 9)
    step = fanning(items=["x"] * count, on_failure=on_failure)
    play = plays.graph(step, plays.step("next", "each"), failing=failing).run(pick)
    status = [item.status for item in play.execution.items("each")]
    assert not {StepStatus.PENDING, StepStatus.RUNNING} & set(status)
    if on_failure == "stop":
        assert StepStatus.FAILED in status
    else:
        assert [index for index, each in enumerate(status) if each is StepStatus.FAILED] == sorted(broken)
        assert StepStatus.SKIPPED not in status
    completed = on_failure == "tolerate" and len(broken) < count
    assert play.status("each") is (StepStatus.COMPLETED if completed else StepStatus.FAILED)
    assert play.status("next") is (StepStatus.COMPLETED if completed else StepStatus.SKIPPED)
    if completed:
        output = play.execution.step("each").output
        assert output["failed"] == sorted(broken)
        assert [index for index, each in enumerate(output["results"]) if each is None] == sorted(broken)
    else:
        assert play.execution.failed_step == "each"
        assert f"of {count} items failed; 'each." in play.execution.error


@given(st.integers(1, 6), st.integers(0, 6), st.data())
def test_a_cancelled_fan_out_starts_nothing_more(plays, count, cancel_after, pick):
    play = plays.graph(fanning(items=["x"] * count), parallelism=2, cancel_after=cancel_after).run(pick)
    status = {item.status for item in play.execution.items("each")}
    assert status <= {StepStatus.COMPLETED, StepStatus.FAILED, StepStatus.SKIPPED}
    if play.execution.status is ExecutionStatus.CANCELLED:
        assert status != {StepStatus.COMPLETED}
        assert play.status("each") in {StepStatus.FAILED, StepStatus.SKIPPED}
    else:
        assert play.execution.status is ExecutionStatus.COMPLETED


@given(st.integers(1, 6), st.data())
def test_watchers_rebuild_what_was_written(plays, count, pick):
    start = plays.execution(PipelineType.BATCH_INFERENCE, fanning(items=["x"] * count))
    play = plays.of(start, failing={"each.0": 9}).run(pick)
    seen = start
    for transition in play.transitions:
        seen = after(seen, transition)
    assert seen.steps == play.execution.steps


def test_others_hear_of_the_step_and_not_of_its_items(plays):
    play = plays.graph(fanning(items=[1, 2, 3]))
    play.run()
    assert [event.step_id for event in play.events if isinstance(event, StepCompleted)] == ["each"]
    broken = plays.graph(fanning(items=[1, 2, 3]), failing={"each.1": 9}).run()
    assert [event.step_id for event in broken.events if isinstance(event, StepFailed)] == ["each"]
    assert isinstance(broken.events[-1], ExecutionFailed)
    assert broken.events[-1].failed_step == "each"


def test_a_resumed_fan_out_goes_on_with_what_is_left(plays):
    """Nothing is in flight after a crash: what ran is resumed, what completed is left alone."""
    play = plays.graph(fanning(items=list(range(5))), parallelism=2)
    play.settle()
    play._start()
    play._finish(play.in_flight.pop(0))
    play.in_flight.clear()
    work = scheduling.work(play.execution, frozenset(), play.now, 2)
    assert work == (scheduling.RunStep("each.1", resumed=True), scheduling.RunStep("each.2", resumed=False))


def test_a_list_that_is_none_fails_the_step(plays):
    play = plays.graph(plays.step("s0"), fanning("s0", **{"from": "s0/files"})).run()
    assert play.execution.error == "step 'each': 'files' in the output of 's0' is no list"
    play = plays.graph(fanning(from_input="months")).run()
    assert play.execution.error == "step 'each': input.months is no list"


def test_more_items_than_an_execution_holds_are_refused(plays):
    first, second = fanning(items=[0] * 600, step_id="a"), fanning(items=[0] * 600, step_id="b")
    play = plays.graph(first, second, parallelism=64).run()
    assert play.status("a") is StepStatus.COMPLETED
    assert play.execution.error == "step 'b': fan_out.items has 600 items; an execution has at most 1000"


def test_results_that_are_too_large_together_are_left_out_of_the_output(plays):
    play = plays.graph(fanning(items=[0] * 1_000), parallelism=64)
    play.run()
    whole = play.execution.step("each").output
    assert "results" in whole
    long = fanning(items=[0] * 1_000, step_id="a-step-with-a-rather-long-name-for-a-step")
    play = plays.graph(long, parallelism=64).run()
    assert play.execution.step(long.id).output == {
        "items": 1_000,
        "completed": 1_000,
        "failed": [],
        "results_left_out": True,
    }


def test_what_cannot_fan_out_is_refused_by_name():
    field = "steps[0].config.fan_out"
    assert refused(fanning()) == f"{field}: needs exactly one of items, from and from_input"
    assert refused(fanning(items=[], from_input="x")) == f"{field}: needs exactly one of items, from and from_input"
    assert refused(fanning(items="abc")) == f"{field}.items: must be a list"
    assert refused(fanning(items=[0] * 1_001)) == f"{field}.items: must be at most 1000"
    assert refused(fanning(**{"from": "s0"})) == f"{field}.from: must be <step>/<key of its output>"
    assert refused(fanning(**{"from": "s0/x"})) == f"{field}.from: names 's0', which is no step before this one"
    assert refused(fanning(items=[], on_failure="x")) == f"{field}.on_failure: must be stop, finish or tolerate"
    assert refused(fanning(items=[], width=1)) == f"{field}.width: is not a setting of this type of step"
    message = refused(fanning(items=[]), kind=PipelineType.DEPLOYMENT_SAGA)
    assert message == f"{field}: needs a TRAINING_DAG or a BATCH_INFERENCE"


def test_a_contest_and_a_registration_need_one_model():
    contest = {"module": "work", "incumbent": True, "metric": "auc", "fan_out": {"items": []}}
    message = refused(StepDefinition("e", StepType.EVALUATE, config=contest), kind=PipelineType.TRAINING_DAG)
    assert message.startswith("steps[0].config.fan_out: is not for a contest")
    train = {"module": "work", "outputs": ["model.onnx"], "fan_out": {"items": [1]}}
    register = {"model": "m", "artifact": "train/model.onnx"}
    message = refused(
        StepDefinition("train", StepType.TRAIN, config=train),
        StepDefinition("register", StepType.REGISTER, depends_on=("train",), config=register),
        kind=PipelineType.TRAINING_DAG,
    )
    assert message.startswith("steps[1].config.artifact: names 'train', which fans out")
