"""Ports of experiment's use-cases."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from fp_kernel import Command, Error, PageRequest, Replayed

from fp_experiment.domain.events import DomainEvent
from fp_experiment.domain.experiments import Experiment
from fp_experiment.domain.filters import Comparison
from fp_experiment.domain.lineage import Lineage, LineageRecord, Ref
from fp_experiment.domain.metrics import Point
from fp_experiment.domain.runs import Run, RunStatus


class ExperimentStore(Protocol):
    async def add(self, experiment: Experiment) -> bool:
        """False when the team has or had an experiment of this name."""

    async def id_of(self, team: str, name: str) -> str:
        """Of the experiment with this name, archived or not; empty when there is none."""

    async def locked(self, team: str, experiment_id: str) -> Experiment | None:
        """Nobody else changes it until the transaction ends."""

    async def save(self, experiment: Experiment) -> bool:
        """False when another experiment of the team has its name."""

    async def shared(self, team: str, experiment_id: str) -> Experiment | None:
        """Nobody changes it until the transaction ends; others may read it so as well."""


class RunStore(Protocol):
    async def add(self, run: Run) -> None: ...

    async def locked(self, team: str, run_id: str) -> Run | None:
        """With its final metrics; no point is added and nobody else changes it until the transaction ends."""

    async def save(self, run: Run) -> None:
        """Status, end and artifacts."""

    async def add_params(self, run_id: str, params: Sequence[tuple[str, str]]) -> Mapping[str, str]:
        """Write those that are new; answers the values that were there for the others."""

    async def delete(self, run: Run, at: datetime, by: str) -> None:
        """Nobody finds it any more; its id is stored as deleted."""

    async def was_deleted(self, team: str, run_id: str) -> bool: ...

    async def params_size(self, run_id: str) -> "ParamsSize": ...


@dataclass(frozen=True, slots=True)
class ParamsSize:
    """bytes: of keys and values."""

    count: int
    bytes: int


class LineageStore(Protocol):
    async def record(self, team: str, record: LineageRecord) -> None: ...


class Outbox(Protocol):
    def add(self, event: DomainEvent) -> None: ...


class Transaction(Protocol):
    """One transaction."""

    @property
    def experiments(self) -> ExperimentStore: ...

    @property
    def runs(self) -> RunStore: ...

    @property
    def lineage(self) -> LineageStore: ...

    @property
    def outbox(self) -> Outbox: ...

    async def complete(self, result: object) -> None: ...


class Transactions(Protocol):
    def __call__(self, command: Command) -> AbstractAsyncContextManager[Transaction]: ...


@dataclass(frozen=True, slots=True)
class PointRange:
    """Points of some metrics of a run; no keys means every metric."""

    run_id: str
    keys: Sequence[str] = ()
    first_step: int = 0
    last_step: int = 2**63 - 1


@dataclass(frozen=True, slots=True)
class RunFilter:
    """experiment_id: empty for every experiment. status: None for any."""

    experiment_id: str = ""
    status: RunStatus | None = None
    comparisons: Sequence[Comparison] = ()


@dataclass(frozen=True, slots=True)
class RunPage:
    """more: there are runs after these."""

    runs: Sequence[Run]
    more: bool


class Reads(Protocol):
    async def experiment(self, team: str, experiment_id: str) -> Experiment | None: ...

    async def experiment_named(self, team: str, name: str) -> Experiment | None: ...

    async def experiments(self, team: str, page: PageRequest, *, archived: bool) -> Sequence[Experiment]:
        """Newest first; one more than the page."""

    async def runs(self, team: str, wanted: RunFilter, page: PageRequest) -> RunPage:
        """Newest first, with parameters and final metrics, without artifacts; fewer than asked when they are large."""

    async def find_runs(self, team: str, run_ids: Sequence[str], *, artifacts: bool = False) -> Sequence[Run]:
        """Those that are there, with parameters and final metrics, and with their artifacts when they are wanted."""

    async def run_sizes(self, team: str, run_ids: Sequence[str]) -> Mapping[str, int]:
        """Of the runs that are there: bytes that parameters and final metrics take in an answer."""

    async def has_run(self, team: str, run_id: str) -> bool: ...

    async def points(self, wanted: PointRange, after: tuple[str, int] | None, limit: int) -> Sequence[Point]:
        """By metric and step, from behind `after`."""

    async def downsampled(self, wanted: PointRange, limit: int) -> Sequence[Point]:
        """By metric and step; at most `limit` of each metric, as `domain.downsampling` says."""

    async def lineage(self, team: str, start: Ref, limit: int) -> Lineage | None:
        """At most `limit` nodes, the nearest ones; None when nothing is known of the start."""


@dataclass(frozen=True, slots=True)
class LoggedPoints:
    """Points of one call. command: with or without a key; its result is the number of accepted points.

    execution_id: of the job that calls; empty for everybody else.
    """

    team: str
    run_id: str
    points: Sequence[Point]
    command: Command
    execution_id: str = ""

    @property
    def rows(self) -> int:
        return len(self.points)


@dataclass(frozen=True, slots=True)
class LineageEntry:
    """The lineage in one event."""

    team: str
    event_id: str
    record: LineageRecord

    @property
    def rows(self) -> int:
        return 1 + self.record.rows


Entry = LoggedPoints | LineageEntry
Outcome = int | Error | Replayed


class BatchWriter(Protocol):
    async def write(self, entries: Sequence[Entry]) -> Sequence[Outcome]:
        """All of it in one transaction; what became of each entry, in order: rows that are new, or why there are none.

        What it raises concerns the whole batch, which is not written then.
        """
