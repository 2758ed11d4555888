"""The events of experiment."""

from dataclasses import dataclass

from fp_experiment.domain.runs import Run


@dataclass(frozen=True, slots=True)
class RunCreated:
    run: Run


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The run with its final metrics."""

    run: Run
    actor: str


DomainEvent = RunCreated | RunFinished
