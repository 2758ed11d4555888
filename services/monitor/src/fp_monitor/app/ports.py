"""Ports of monitor's use-cases."""

from collections.abc import Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from fp_kernel import Command, PageRequest

from fp_monitor.domain.baseline import Baseline
from fp_monitor.domain.gap import Gap
from fp_monitor.domain.metric import DriftKind, MonitorState, Severity
from fp_monitor.domain.monitor import Monitor
from fp_monitor.domain.prediction import Labelled, Prediction, Truth
from fp_monitor.domain.quality import Block, Signs
from fp_monitor.domain.report import DriftDetected, Report
from fp_monitor.domain.window import Window


@dataclass(frozen=True, slots=True)
class Promotion:
    """A version that went to production. profile: BaselineProfile, serialised; empty when it has none."""

    team: str
    model_id: str
    model_name: str
    version: str
    profile: bytes
    at: datetime
    sequence: int


@dataclass(frozen=True, slots=True)
class StoredPrediction:
    """A prediction that labels may find."""

    version: str
    score: float | None
    label: str
    probabilities: Sequence[float] | None
    labelled: bool


@dataclass(frozen=True, slots=True)
class PlacedOutcome:
    """A labelled prediction at its place in a window of labels."""

    place: int
    row: Labelled


@dataclass(frozen=True, slots=True)
class ReportFilter:
    team: str
    model_name: str
    min_severity: Severity
    since: datetime | None = None
    until: datetime | None = None


class Monitors(Protocol):
    async def lock(self, team: str, model_name: str) -> None:
        """Whoever changes anything of a model comes first here; held until the transaction ends."""

    async def find(self, team: str, model_name: str) -> Monitor | None: ...

    async def only_one_of(self, team: str, pipeline_id: str) -> str | None:
        """Name of the model that is retrained by this pipeline; None when there is none, or more than one."""

    async def retrained_by(self, team: str, execution_id: str) -> Sequence[str]:
        """Names of the models whose retraining this execution is."""

    async def save(self, monitor: Monitor) -> None: ...

    async def delete(self, monitor: Monitor, now: datetime) -> None:
        """With its open windows; reports stay, and its predictions go in the background."""


class Baselines(Protocol):
    async def store(self, promotion: Promotion) -> bool:
        """Whether the version is the one in production now; False when a newer promotion is here already.

        Raises InvalidArgument for a profile that contradicts itself.
        """

    async def production(self, team: str, model_name: str) -> Promotion | None:
        """What is in production, without its profile."""

    async def hold(self, team: str, model_name: str, version: str) -> bool:
        """Whether there is one of this version; if so it stays at least until the transaction ends."""

    async def find(self, team: str, model_name: str, version: str) -> tuple[Baseline, datetime] | None:
        """None for a version that was never promoted, that has no profile, or that was replaced long ago."""


class Windows(Protocol):
    async def open(self, monitor_id: str, kind: DriftKind, version: str) -> Window | None: ...

    async def of_labels(self, monitor_id: str) -> Sequence[Window]:
        """The open windows of labels, one a version."""

    async def find(self, window_id: str) -> Window | None: ...

    async def save(self, window: Window) -> None: ...

    async def remove(self, window_id: str) -> None: ...

    async def discard(self, monitor_id: str, kinds: Collection[DriftKind]) -> None:
        """Open windows of a monitor: what they were compared with is no longer the baseline."""


class Predictions(Protocol):
    async def add(self, monitor: Monitor, predictions: Sequence[Prediction], classes: Sequence[str]) -> set[str]:
        """Store those that are new; their request ids."""

    async def known(self, monitor: Monitor, request_ids: Sequence[str]) -> dict[str, StoredPrediction]: ...

    async def label(self, monitor: Monitor, truths: Sequence[Truth], at: datetime) -> None: ...


class Outcomes(Protocol):
    """Labelled rows of open windows; they go with their window."""

    async def add(self, window_id: str, placed: Sequence[PlacedOutcome]) -> None: ...

    async def thin(self, window_id: str, stride: int) -> None:
        """Leave those whose place is a multiple of this."""

    async def of_window(self, window_id: str) -> Sequence[Labelled]:
        """In the order of their labels."""


class Quality(Protocol):
    """The newest block of a monitor's inputs; None where the last one is over."""

    async def find(self, monitor_id: str) -> tuple[Block | None, Signs] | None: ...

    async def save(self, monitor_id: str, block: Block | None, signs: Signs) -> None: ...

    async def discard(self, monitor_id: str) -> None: ...


class Gaps(Protocol):
    async def add(self, gap: Gap) -> None:
        """Joined with those that it touches."""

    async def noticed(self, since: datetime, until: datetime) -> Sequence[Gap]: ...


class Reports(Protocol):
    async def add(self, report: Report) -> None:
        """Also wakes whoever streams the team's reports."""

    async def find(self, team: str, report_id: str) -> Report | None: ...

    async def purge(self, team: str, model_name: str, now: datetime) -> int:
        """Let those that are there go in bites, by `ReportPurges` or in the background; how many there are."""


class Outbox(Protocol):
    def add(self, event: DriftDetected) -> None: ...


class Transaction(Protocol):
    @property
    def monitors(self) -> Monitors: ...

    @property
    def baselines(self) -> Baselines: ...

    @property
    def windows(self) -> Windows: ...

    @property
    def predictions(self) -> Predictions: ...

    @property
    def outcomes(self) -> Outcomes: ...

    @property
    def quality(self) -> Quality: ...

    @property
    def gaps(self) -> Gaps: ...

    @property
    def reports(self) -> Reports: ...

    @property
    def outbox(self) -> Outbox: ...

    async def fresh(self, consumer: str, event_ids: Iterable[str]) -> set[str]:
        """Note a batch of events; the ids whose effect is not here yet."""

    async def complete(self, result: object) -> None: ...


class Transactions(Protocol):
    def __call__(self, command: Command | None = None) -> AbstractAsyncContextManager[Transaction]: ...


@dataclass(frozen=True, slots=True)
class Due:
    """A window whose time is over."""

    team: str
    model_name: str
    window_id: str


@dataclass(frozen=True, slots=True)
class MonitorOverview:
    """A monitor with what a reader asks for beside it."""

    monitor: Monitor
    latest: Report | None
    samples: int = 0


@dataclass(frozen=True, slots=True)
class PlacedReport:
    """position: among all reports of the team, in the order of their commits."""

    position: int
    report: Report


class Reads(Protocol):
    async def promoted(self, team: str, model_name: str) -> bool:
        """Whether a version of the model was ever promoted to production."""

    async def overview(self, team: str, model_name: str) -> MonitorOverview | None: ...

    async def overviews(
        self, team: str, min_severity: Severity, state: MonitorState | None, page: PageRequest
    ) -> Sequence[MonitorOverview]:
        """By name."""

    async def gaps(self, since: datetime, limit: int) -> Sequence[Gap]:
        """Noticed since then, newest first."""

    async def report(self, team: str, report_id: str) -> Report | None: ...

    async def reports(self, chosen: ReportFilter, page: PageRequest) -> Sequence[Report]:
        """Newest first."""

    async def watched(self, team: str, model_name: str) -> bool:
        """Whether the model has a monitor."""

    async def position(self, team: str) -> int:
        """Of the team's newest report; 0 before the first."""

    async def following(self, team: str, position: int) -> Sequence[PlacedReport]:
        """Reports behind this position, in the order of their commits; a page of them."""

    async def due(self, now: datetime, limit: int) -> Sequence[Due]: ...


class ReportPurges(Protocol):
    async def purge(self, team: str, model_name: str) -> bool:
        """Delete a bite of reports that were purged; False when none is left."""


class Peers(Protocol):
    """Of the team for which the call is made. Raises Unavailable when the peer is away."""

    async def has_model(self, name: str) -> bool: ...

    async def has_pipeline(self, pipeline_id: str) -> bool: ...


class Subscription(Protocol):
    async def wait(self, seconds: float) -> bool:
        """Whether something was signalled within the time."""


class Signals(Protocol):
    def subscribe(self, topic: str) -> AbstractContextManager[Subscription]: ...
