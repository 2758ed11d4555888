"""What happens next, for any graph and any failures, without any I/O."""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from fp_kernel import new_id
from fp_pipeline.domain import attempts, graph, scheduling, undo
from fp_pipeline.domain.definition import PipelineType, StepDefinition, StepType
from fp_pipeline.domain.events import (
    CompensationTriggered,
    Event,
    ExecutionCompleted,
    ExecutionFailed,
    StepCompleted,
    StepFailed,
)
from fp_pipeline.domain.execution import (
    Cancellation,
    Cause,
    Execution,
    ExecutionStatus,
    Step,
    StepStatus,
    Transition,
    after,
)
from fp_pipeline.domain.progress import Progress
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2013, 3, 1, tzinfo=UTC)


def step(step_id: str, *parents: str, undone_by: str = "") -> StepDefinition:
    return StepDefinition(id=step_id, type=StepType.CUSTOM, depends_on=parents, compensation_step_id=undone_by)


def execution(kind: PipelineType, *steps: StepDefinition) -> Execution:
    return Execution(
        id=new_id(),
        team="alpha",
        pipeline_id=new_id(),
        pipeline_name="p",
        pipeline_revision=1,
        type=kind,
        steps=tuple(Step(id=new_id(), definition=each) for each in steps),
        input={},
        cause=Cause("ann"),
        created_at=NOW,
        sequence=1,
    )


@dataclass
class Play:
    """Runs an execution with a script of outcomes, one piece of work at a time, in an order the test draws."""

    execution: Execution
    parallelism: int = 4
    failing: dict[str, int] = field(default_factory=dict)
    failing_undo: frozenset[str] = frozenset()
    cancel_after: int = -1
    now: datetime = NOW
    in_flight: list[scheduling.Work] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)
    undone: list[str] = field(default_factory=list)
    most: int = 0
    events: list[Event] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)

    def apply(self, progress: Progress) -> None:
        before = self.execution.sequence
        assert [each.sequence for each in progress.transitions] == list(
            range(before + 1, progress.execution.sequence + 1)
        )
        self.execution = progress.execution
        self.events += progress.events
        self.transitions += progress.transitions

    def settle(self) -> None:
        while progress := scheduling.advance(self.execution, self.now):
            self.apply(progress)

    def run(self, pick: "st.DataObject | None" = None) -> "Play":
        finished = 0
        self.settle()
        while not self.execution.status.ended:
            if finished == self.cancel_after and self.execution.status is ExecutionStatus.RUNNING:
                self.execution = self._cancelled()
                self.settle()
                if self.execution.status.ended:
                    break
            self._start()
            if not self.in_flight:
                wake_at = scheduling.wake_at(self.execution)
                assert wake_at is not None, "nothing runs and nothing waits"
                self.now = max(self.now, wake_at)
                continue
            index = pick.draw(st.integers(0, len(self.in_flight) - 1)) if pick else 0
            self._finish(self.in_flight.pop(index))
            finished += 1
            self.settle()
        return self

    def _cancelled(self) -> Execution:
        # What runs is stopped by the engine: it is in flight no longer.
        self.in_flight.clear()
        return replace(self.execution, cancellation=Cancellation("bob", "changed my mind"))

    def _start(self) -> None:
        flying = frozenset(work.step_id for work in self.in_flight)
        for work in scheduling.work(self.execution, flying, self.now, self.parallelism):
            if isinstance(work, scheduling.Attempt) and not work.resumed:
                self.apply(attempts.start(self.execution, work.step_id, self.now))
                self.ran.append(work.step_id)
            elif isinstance(work, scheduling.Undo) and not work.resumed:
                self.apply(undo.start(self.execution, work.step_id, self.now))
            self.in_flight.append(work)
        self.most = max(self.most, len(self.in_flight))

    def _finish(self, work: scheduling.Work) -> None:
        step_id = work.step_id
        match work:
            case scheduling.Attempt():
                self._finish_attempt(step_id)
            case scheduling.Halt():
                self.apply(attempts.halt(self.execution, step_id, self.now))
            case scheduling.Undo():
                self.undone.append(step_id)
                if step_id not in self.failing_undo:
                    self.apply(undo.complete(self.execution, step_id, {}, self.now))
                elif self.execution.step(step_id).undo_attempt < 2:
                    self.apply(undo.retry(self.execution, step_id, "no", self.now + timedelta(seconds=1), self.now))
                else:
                    self.apply(undo.fail(self.execution, step_id, "no", self.now))

    def _finish_attempt(self, step_id: str) -> None:
        attempt = self.execution.step(step_id).attempt
        failures = self.failing.get(step_id, 0)
        if attempt > failures:
            self.apply(attempts.complete(self.execution, step_id, {"by": step_id}, self.now))
        elif attempt > 2:
            self.apply(attempts.fail(self.execution, step_id, "broken", self.now))
        else:
            later = self.now + timedelta(seconds=attempt)
            self.apply(attempts.retry(self.execution, step_id, "broken", later, self.now))

    def status(self, step_id: str) -> StepStatus:
        return self.execution.step(step_id).status


@st.composite
def dags(draw: st.DrawFn) -> tuple[StepDefinition, ...]:
    steps = []
    for number in range(draw(st.integers(1, 9))):
        parents = draw(st.sets(st.integers(0, max(number - 1, 0)), max_size=3)) if number else set()
        steps.append(step(f"s{number}", *(f"s{parent}" for parent in sorted(parents))))
    return tuple(draw(st.permutations(steps)))


@given(dags(), st.integers(1, 4), st.data())
def test_every_step_of_a_graph_runs_once_and_after_its_parents(steps, parallelism, pick):
    play = Play(execution(PipelineType.TRAINING_DAG, *steps), parallelism).run(pick)
    assert play.execution.status is ExecutionStatus.COMPLETED
    assert Counter(play.ran) == Counter(each.id for each in steps)
    assert play.most <= parallelism
    for each in steps:
        assert all(play.ran.index(parent) < play.ran.index(each.id) for parent in each.depends_on)


@given(dags(), st.data())
def test_a_step_starts_only_when_its_own_parents_completed(steps, pick):
    play = Play(execution(PipelineType.TRAINING_DAG, *steps)).run(pick)
    completed: set[str] = set()
    parents = {each.id: set(each.depends_on) for each in steps}
    for transition in play.transitions:
        if transition.step is None:
            continue
        if transition.step.status is StepStatus.RUNNING:
            assert parents[transition.step.step_id] <= completed
        if transition.step.status is StepStatus.COMPLETED:
            completed.add(transition.step.step_id)


@given(dags(), st.data())
def test_what_depends_on_a_failed_step_is_skipped_and_everything_else_runs(steps, pick):
    broken = pick.draw(st.sets(st.sampled_from([each.id for each in steps]), min_size=1))
    play = Play(execution(PipelineType.TRAINING_DAG, *steps), failing=dict.fromkeys(broken, 9)).run(pick)
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


@given(dags(), st.data())
def test_a_step_that_fails_twice_and_then_succeeds_does_not_fail_the_graph(steps, pick):
    play = Play(execution(PipelineType.TRAINING_DAG, *steps), failing=dict.fromkeys((s.id for s in steps), 2)).run(pick)
    assert play.execution.status is ExecutionStatus.COMPLETED
    assert set(Counter(play.ran).values()) == {3}


def test_a_step_does_not_wait_for_a_slow_one_beside_it():
    play = Play(execution(PipelineType.TRAINING_DAG, step("slow"), step("a"), step("b", "a")))
    play.settle()
    play._start()
    (fast,) = [work for work in play.in_flight if work.step_id == "a"]
    play.in_flight.remove(fast)
    play._finish(fast)
    play._start()
    assert {work.step_id for work in play.in_flight} == {"slow", "b"}


@given(st.integers(1, 6), st.data())
def test_a_saga_undoes_everything_completed_in_reverse(size, pick):
    steps = [step(f"s{number}") for number in range(size)]
    broken = pick.draw(st.integers(0, size - 1))
    play = Play(execution(PipelineType.DEPLOYMENT_SAGA, *steps), failing={f"s{broken}": 9}).run()
    assert play.most == 1
    assert play.execution.status is ExecutionStatus.FAILED
    assert play.undone == [f"s{number}" for number in reversed(range(broken))]
    assert [play.status(f"s{number}") for number in range(broken)] == [StepStatus.COMPENSATED] * broken
    assert play.status(f"s{broken}") is StepStatus.FAILED
    assert all(play.status(f"s{number}") is StepStatus.SKIPPED for number in range(broken + 1, size))


@given(st.integers(2, 6), st.data())
def test_a_compensation_that_fails_does_not_stop_the_others(size, pick):
    steps = [step(f"s{number}") for number in range(size)]
    stuck = pick.draw(st.sets(st.sampled_from([f"s{number}" for number in range(size - 1)]), min_size=1))
    play = Play(
        execution(PipelineType.DEPLOYMENT_SAGA, *steps),
        failing={f"s{size - 1}": 9},
        failing_undo=frozenset(stuck),
    ).run()
    for number in range(size - 1):
        expected = StepStatus.COMPENSATION_FAILED if f"s{number}" in stuck else StepStatus.COMPENSATED
        assert play.status(f"s{number}") is expected
    assert Counter(play.undone) == {f"s{n}": 2 if f"s{n}" in stuck else 1 for n in range(size - 1)}
    (failed,) = [event for event in play.events if isinstance(event, ExecutionFailed)]
    assert failed.compensation_failed


@given(st.integers(1, 6), st.data())
def test_a_cancelled_saga_undoes_what_it_did(size, pick):
    steps = [step(f"s{number}") for number in range(size)]
    when = pick.draw(st.integers(0, size - 1))
    play = Play(execution(PipelineType.DEPLOYMENT_SAGA, *steps), cancel_after=when).run()
    assert play.execution.status is ExecutionStatus.CANCELLED
    assert play.execution.error == "cancelled by bob: changed my mind"
    assert play.undone == [f"s{number}" for number in reversed(range(when))]
    assert not any(each.status in {StepStatus.RUNNING, StepStatus.PENDING} for each in play.execution.steps)


@given(dags(), st.data())
def test_a_cancelled_graph_starts_nothing_more(steps, pick):
    when = pick.draw(st.integers(0, len(steps) - 1))
    play = Play(execution(PipelineType.TRAINING_DAG, *steps), cancel_after=when).run(pick)
    assert play.execution.status is ExecutionStatus.CANCELLED
    assert play.undone == []
    assert not any(each.status in {StepStatus.RUNNING, StepStatus.PENDING} for each in play.execution.steps)


def test_an_execution_cancelled_before_it_began_runs_nothing():
    pending = replace(execution(PipelineType.DEPLOYMENT_SAGA, step("a")), cancellation=Cancellation("bob", ""))
    play = Play(pending)
    play.settle()
    assert play.execution.status is ExecutionStatus.CANCELLED
    assert play.execution.started_at is None
    assert play.status("a") is StepStatus.SKIPPED


def test_a_declared_compensation_runs_only_to_undo_its_step():
    steps = [step("a", undone_by="clean"), step("clean"), step("b")]
    done = Play(execution(PipelineType.DEPLOYMENT_SAGA, *steps)).run()
    assert done.ran == ["a", "b"]
    assert done.execution.status is ExecutionStatus.COMPLETED
    assert done.status("clean") is StepStatus.SKIPPED
    failed = Play(execution(PipelineType.DEPLOYMENT_SAGA, *steps), failing={"b": 9}).run()
    assert failed.status("a") is StepStatus.COMPENSATED
    assert failed.status("clean") is StepStatus.COMPLETED


def test_a_step_that_was_running_when_its_worker_died_is_resumed_and_not_started_again():
    play = Play(execution(PipelineType.DEPLOYMENT_SAGA, step("a")))
    play.settle()
    play._start()
    assert scheduling.work(play.execution, frozenset(), NOW, 4) == (scheduling.Attempt("a", resumed=True),)
    play.in_flight.clear()
    assert play.run().ran == ["a"]
    assert play.execution.step("a").attempt == 1


def test_a_compensation_that_was_running_when_its_worker_died_is_resumed():
    play = Play(execution(PipelineType.DEPLOYMENT_SAGA, step("a"), step("b")), failing={"b": 9})
    play.settle()
    while play.execution.status is not ExecutionStatus.COMPENSATING:
        play._start()
        if play.in_flight:
            play._finish(play.in_flight.pop())
        play.now += timedelta(minutes=1)
        play.settle()
    play._start()
    assert scheduling.work(play.execution, frozenset(), play.now, 4) == (scheduling.Undo("a", resumed=True),)


@given(dags(), st.data())
def test_the_transitions_alone_tell_the_whole_story(steps, pick):
    start = execution(PipelineType.TRAINING_DAG, *steps)
    broken = pick.draw(st.sets(st.sampled_from([each.id for each in steps])))
    play = Play(start, failing=dict.fromkeys(broken, 9)).run(pick)
    told = start
    for transition in play.transitions:
        told = after(told, transition)
    assert told.steps == play.execution.steps
    assert (told.status, told.error, told.current_step) == (
        play.execution.status,
        play.execution.error,
        play.execution.current_step,
    )
    assert (told.started_at, told.completed_at) == (play.execution.started_at, play.execution.completed_at)


def test_events_tell_completion_and_failure():
    play = Play(execution(PipelineType.DEPLOYMENT_SAGA, step("a"), step("b")), failing={"b": 9}).run()
    kinds = [type(event).__name__ for event in play.events]
    assert kinds == ["ExecutionStarted", "StepCompleted", "StepFailed", "CompensationTriggered", "ExecutionFailed"]
    by_type = {type(event): event for event in play.events}
    assert by_type[CompensationTriggered].compensating == ("a",)
    assert by_type[CompensationTriggered].failed_step == "b"
    assert by_type[StepFailed].attempts == 3
    assert by_type[StepCompleted].output == {"by": "a"}
    assert by_type[ExecutionFailed].error == "step 'b': broken"
    done = Play(execution(PipelineType.TRAINING_DAG, step("a"))).run()
    assert isinstance(done.events[-1], ExecutionCompleted)
