"""An execution played through by hand: what the rules decide, with outcomes that a test scripts."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from fp_kernel import new_id
from fp_pipeline.domain import compensation, forward, scheduling
from fp_pipeline.domain.definition import PipelineType, StepDefinition, StepType
from fp_pipeline.domain.events import Event
from fp_pipeline.domain.execution import (
    Cancellation,
    Cause,
    Execution,
    ExecutionStatus,
    Step,
    StepStatus,
    Transition,
)
from fp_pipeline.domain.progress import Progress
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
            if isinstance(work, scheduling.RunStep) and not work.resumed:
                self.apply(forward.start(self.execution, work.step_id, self.now))
                self.ran.append(work.step_id)
            elif isinstance(work, scheduling.CompensateStep) and not work.resumed:
                self.apply(compensation.start(self.execution, work.step_id, self.now))
            self.in_flight.append(work)
        self.most = max(self.most, len(self.in_flight))

    def _finish(self, work: scheduling.Work) -> None:
        step_id = work.step_id
        match work:
            case scheduling.RunStep():
                self._finish_attempt(step_id)
            case scheduling.StopStep():
                self.apply(forward.stop(self.execution, step_id, self.now))
            case scheduling.CompensateStep():
                self.undone.append(step_id)
                if step_id not in self.failing_undo:
                    self.apply(compensation.complete(self.execution, step_id, {}, self.now))
                elif self.execution.step(step_id).undo_attempt < 2:
                    self.apply(
                        compensation.retry(self.execution, step_id, "no", self.now + timedelta(seconds=1), self.now)
                    )
                else:
                    self.apply(compensation.fail(self.execution, step_id, "no", self.now))

    def _finish_attempt(self, step_id: str) -> None:
        attempt = self.execution.step(step_id).attempt
        failures = self.failing.get(step_id, 0)
        if attempt > failures:
            self.apply(forward.complete(self.execution, step_id, {"by": step_id}, self.now))
        elif attempt > 2:
            self.apply(forward.fail(self.execution, step_id, "broken", self.now))
        else:
            later = self.now + timedelta(seconds=attempt)
            self.apply(forward.retry(self.execution, step_id, "broken", later, self.now))

    def status(self, step_id: str) -> StepStatus:
        return self.execution.step(step_id).status


@st.composite
def dags(draw: st.DrawFn) -> tuple[StepDefinition, ...]:
    steps = []
    for number in range(draw(st.integers(1, 9))):
        parents = draw(st.sets(st.integers(0, max(number - 1, 0)), max_size=3)) if number else set()
        steps.append(step(f"s{number}", *(f"s{parent}" for parent in sorted(parents))))
    return tuple(draw(st.permutations(steps)))


@dataclass(frozen=True)
class Plays:
    """How tests make plays; one value for all, so that hypothesis may use it."""

    now: datetime = NOW

    def step(self, step_id: str, *parents: str, undone_by: str = "") -> StepDefinition:
        return step(step_id, *parents, undone_by=undone_by)

    def execution(self, kind: PipelineType, *steps: StepDefinition) -> Execution:
        return execution(kind, *steps)

    def of(self, start: Execution, **script: object) -> Play:
        return Play(start, **script)

    def graph(self, *steps: StepDefinition, **script: object) -> Play:
        return Play(execution(PipelineType.TRAINING_DAG, *steps), **script)

    def saga(self, *steps: StepDefinition, **script: object) -> Play:
        return Play(execution(PipelineType.DEPLOYMENT_SAGA, *steps), **script)

    def draw_steps(self, pick: st.DataObject) -> tuple[StepDefinition, ...]:
        """Some acyclic graph, declared in any order."""
        return pick.draw(dags())

    def draw_line(self, pick: st.DataObject, least: int = 1) -> list[StepDefinition]:
        """Some saga."""
        return [step(f"s{number}") for number in range(pick.draw(st.integers(least, 6)))]


@pytest.fixture(scope="session")
def plays() -> Plays:
    return Plays()
