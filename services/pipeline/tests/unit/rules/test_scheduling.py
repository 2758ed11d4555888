"""What happens next, for any graph and any failures, without any I/O."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

from fp_pipeline.domain import graph, scheduling
from fp_pipeline.domain.definition import PipelineType
from fp_pipeline.domain.events import (
    CompensationTriggered,
    ExecutionCompleted,
    ExecutionFailed,
    StepCompleted,
    StepFailed,
)
from fp_pipeline.domain.execution import Cancellation, ExecutionStatus, StepStatus, after
from hypothesis import given
from hypothesis import strategies as st


@given(st.integers(1, 4), st.data())
def test_every_step_of_a_graph_runs_once_and_after_its_parents(plays, parallelism, pick):
    steps = plays.draw_steps(pick)
    play = plays.graph(*steps, parallelism=parallelism).run(pick)
    assert play.execution.status is ExecutionStatus.COMPLETED
    assert Counter(play.ran) == Counter(each.id for each in steps)
    assert play.most <= parallelism
    for each in steps:
        assert all(play.ran.index(parent) < play.ran.index(each.id) for parent in each.depends_on)


@given(st.data())
def test_a_step_starts_only_when_its_own_parents_completed(plays, pick):
    steps = plays.draw_steps(pick)
    play = plays.graph(*steps).run(pick)
    completed: set[str] = set()
    parents = {each.id: set(each.depends_on) for each in steps}
    for transition in play.transitions:
        if transition.step is None:
            continue
        if transition.step.status is StepStatus.RUNNING:
            assert parents[transition.step.step_id] <= completed
        if transition.step.status is StepStatus.COMPLETED:
            completed.add(transition.step.step_id)


@given(st.data())
def test_what_depends_on_a_failed_step_is_skipped_and_everything_else_runs(plays, pick):
    steps = plays.draw_steps(pick)
    broken = pick.draw(st.sets(st.sampled_from([each.id for each in steps]), min_size=1))
    play = plays.graph(*steps, failing=dict.fromkeys(broken, 9)).run(pick)
    assert play.execution.status is ExecutionStatus.FAILED
    doomed = graph.descendants(steps, broken)
    for each in steps:
        expected = (
            StepStatus.SKIPPED
            if each.id in doomed
            else StepStatus.FAILED
            if each.id in broken
            else StepStatus.COMPLETED
        )
        assert play.status(each.id) is expected
    assert play.execution.failed_step in broken


@given(st.data())
def test_a_step_that_fails_twice_and_then_succeeds_does_not_fail_the_graph(plays, pick):
    steps = plays.draw_steps(pick)
    play = plays.graph(*steps, failing=dict.fromkeys((s.id for s in steps), 2)).run(pick)
    assert play.execution.status is ExecutionStatus.COMPLETED
    assert set(Counter(play.ran).values()) == {3}


def test_a_step_does_not_wait_for_a_slow_one_beside_it(plays):
    play = plays.graph(plays.step("slow"), plays.step("a"), plays.step("b", "a"))
    play.settle()
    play._start()
    (fast,) = [work for work in play.in_flight if work.step_id == "a"]
    play.in_flight.remove(fast)
    play._finish(fast)
    play._start()
    assert {work.step_id for work in play.in_flight} == {"slow", "b"}


@given(st.data())
def test_a_saga_undoes_everything_completed_in_reverse(plays, pick):
    steps = plays.draw_line(pick)
    size = len(steps)
    broken = pick.draw(st.integers(0, size - 1))
    play = plays.saga(*steps, failing={f"s{broken}": 9}).run()
    assert play.most == 1
    assert play.execution.status is ExecutionStatus.FAILED
    assert play.undone == [f"s{number}" for number in reversed(range(broken))]
    assert [play.status(f"s{number}") for number in range(broken)] == [StepStatus.COMPENSATED] * broken
    assert play.status(f"s{broken}") is StepStatus.FAILED
    assert all(play.status(f"s{number}") is StepStatus.SKIPPED for number in range(broken + 1, size))


@given(st.data())
def test_a_compensation_that_fails_does_not_stop_the_others(plays, pick):
    steps = plays.draw_line(pick, least=2)
    size = len(steps)
    stuck = pick.draw(st.sets(st.sampled_from([f"s{number}" for number in range(size - 1)]), min_size=1))
    play = plays.saga(
        *steps,
        failing={f"s{size - 1}": 9},
        failing_undo=frozenset(stuck),
    ).run()
    for number in range(size - 1):
        expected = StepStatus.COMPENSATION_FAILED if f"s{number}" in stuck else StepStatus.COMPENSATED
        assert play.status(f"s{number}") is expected
    assert Counter(play.undone) == {f"s{n}": 2 if f"s{n}" in stuck else 1 for n in range(size - 1)}
    (failed,) = [event for event in play.events if isinstance(event, ExecutionFailed)]
    assert failed.compensation_failed


@given(st.data())
def test_a_cancelled_saga_undoes_what_it_did(plays, pick):
    steps = plays.draw_line(pick)
    size = len(steps)
    when = pick.draw(st.integers(0, size - 1))
    play = plays.saga(*steps, cancel_after=when).run()
    assert play.execution.status is ExecutionStatus.CANCELLED
    assert play.execution.error == "cancelled by bob: changed my mind"
    assert play.undone == [f"s{number}" for number in reversed(range(when))]
    assert not any(each.status in {StepStatus.RUNNING, StepStatus.PENDING} for each in play.execution.steps)


@given(st.data())
def test_a_cancelled_graph_starts_nothing_more(plays, pick):
    steps = plays.draw_steps(pick)
    when = pick.draw(st.integers(0, len(steps) - 1))
    play = plays.graph(*steps, cancel_after=when).run(pick)
    assert play.execution.status is ExecutionStatus.CANCELLED
    assert play.undone == []
    assert not any(each.status in {StepStatus.RUNNING, StepStatus.PENDING} for each in play.execution.steps)


def test_an_execution_cancelled_before_it_began_runs_nothing(plays):
    pending = replace(
        plays.execution(PipelineType.DEPLOYMENT_SAGA, plays.step("a")), cancellation=Cancellation("bob", "")
    )
    play = plays.of(pending)
    play.settle()
    assert play.execution.status is ExecutionStatus.CANCELLED
    assert play.execution.started_at is None
    assert play.status("a") is StepStatus.SKIPPED


def test_a_declared_compensation_runs_only_to_undo_its_step(plays):
    steps = [plays.step("a", undone_by="clean"), plays.step("clean"), plays.step("b")]
    done = plays.saga(*steps).run()
    assert done.ran == ["a", "b"]
    assert done.execution.status is ExecutionStatus.COMPLETED
    assert done.status("clean") is StepStatus.SKIPPED
    failed = plays.saga(*steps, failing={"b": 9}).run()
    assert failed.status("a") is StepStatus.COMPENSATED
    assert failed.status("clean") is StepStatus.COMPLETED


def test_a_step_that_was_running_when_its_worker_died_is_resumed_and_not_started_again(plays):
    play = plays.saga(plays.step("a"))
    play.settle()
    play._start()
    assert scheduling.work(play.execution, frozenset(), plays.now, 4) == (scheduling.RunStep("a", resumed=True),)
    play.in_flight.clear()
    assert play.run().ran == ["a"]
    assert play.execution.step("a").attempt == 1


def test_a_compensation_that_was_running_when_its_worker_died_is_resumed(plays):
    play = plays.saga(plays.step("a"), plays.step("b"), failing={"b": 9})
    play.settle()
    while play.execution.status is not ExecutionStatus.COMPENSATING:
        play._start()
        if play.in_flight:
            play._finish(play.in_flight.pop())
        play.now += timedelta(minutes=1)
        play.settle()
    play._start()
    assert scheduling.work(play.execution, frozenset(), play.now, 4) == (scheduling.CompensateStep("a", resumed=True),)


@given(st.data())
def test_the_transitions_alone_tell_the_whole_story(plays, pick):
    steps = plays.draw_steps(pick)
    start = plays.execution(PipelineType.TRAINING_DAG, *steps)
    broken = pick.draw(st.sets(st.sampled_from([each.id for each in steps])))
    play = plays.of(start, failing=dict.fromkeys(broken, 9)).run(pick)
    replayed = start
    for transition in play.transitions:
        replayed = after(replayed, transition)
    assert replayed.steps == play.execution.steps
    assert (replayed.status, replayed.error, replayed.current_step) == (
        play.execution.status,
        play.execution.error,
        play.execution.current_step,
    )
    assert (replayed.started_at, replayed.completed_at) == (play.execution.started_at, play.execution.completed_at)


def test_events_tell_completion_and_failure(plays):
    play = plays.saga(plays.step("a"), plays.step("b"), failing={"b": 9}).run()
    kinds = [type(event).__name__ for event in play.events]
    assert kinds == ["ExecutionStarted", "StepCompleted", "StepFailed", "CompensationTriggered", "ExecutionFailed"]
    by_type = {type(event): event for event in play.events}
    assert by_type[CompensationTriggered].compensating == ("a",)
    assert by_type[CompensationTriggered].failed_step == "b"
    assert by_type[StepFailed].attempts == 3
    assert by_type[StepCompleted].output == {"by": "a"}
    assert by_type[ExecutionFailed].error == "step 'b': broken"
    done = plays.graph(plays.step("a")).run()
    assert isinstance(done.events[-1], ExecutionCompleted)


def test_the_next_attempt_of_a_step_starts_when_the_one_before_has_landed(plays):
    play = plays.graph(plays.step("a"))
    play.settle()
    assert play.execution.step("a").status is StepStatus.PENDING
    assert scheduling.work(play.execution, frozenset({"a"}), play.now, 4) == ()
    (work,) = scheduling.work(play.execution, frozenset(), play.now, 4)
    assert work == scheduling.RunStep("a", resumed=False)
