"""A monitor: the settings of one model and their consequences."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fp_kernel import invalid, parse_id

from fp_monitor.domain.hysteresis import Level
from fp_monitor.domain.metric import DriftKind, MonitorState, Severity
from fp_monitor.domain.thresholds import Threshold, check_thresholds

MAX_WINDOW = 1_000_000
MAX_NAME = 128
_LONGEST = timedelta(days=366)
DEFAULT_COOLDOWN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Config:
    """duration: of the clock on the wall; 0 closes windows by count only. size: 0 closes them by time only.

    cooldown: between two retrainings that were started.
    """

    model_name: str
    duration: timedelta
    size: int
    min_samples: int
    thresholds: tuple[Threshold, ...]
    auto_retrain: bool
    retrain_pipeline_id: str
    enabled: bool
    cooldown: timedelta = DEFAULT_COOLDOWN


def check_name(name: str) -> str:
    """Raises InvalidArgument naming `model_name`."""
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise invalid("model_name", f"must be 1 to {MAX_NAME} printable characters")
    return name


def check(config: Config) -> Config:
    """Raises InvalidArgument naming the field."""
    check_name(config.model_name)
    if not timedelta() <= config.duration <= _LONGEST:
        raise invalid("window_duration", "must be from 0 to 366 days")
    if not 0 <= config.size <= MAX_WINDOW:
        raise invalid("window_size", f"must be from 0 to {MAX_WINDOW}")
    if not config.size and not config.duration:
        raise invalid("window_size", "must not be 0 without window_duration: such a window would never close")
    if not 0 <= config.min_samples <= (config.size or MAX_WINDOW):
        raise invalid("min_samples", "must be from 0 to window_size")
    check_thresholds(config.thresholds)
    if config.auto_retrain and not config.retrain_pipeline_id:
        raise invalid("retrain_pipeline_id", "is required with auto_retrain")
    if config.retrain_pipeline_id:
        parse_id(config.retrain_pipeline_id, "retrain_pipeline_id")
    if not timedelta() <= config.cooldown <= _LONGEST:
        raise invalid("retrain_cooldown", "must be from 0 to 366 days")
    return config


@dataclass(frozen=True, slots=True)
class Retraining:
    """requested_at: when a report last asked for it. started_at: when one was last started; None when it failed.

    report_id: of the report that asked. execution_id: of what was last started.
    """

    requested_at: datetime | None = None
    started_at: datetime | None = None
    report_id: str = ""
    execution_id: str = ""


@dataclass(frozen=True, slots=True)
class Unwatched:
    """predictions: of other versions since the last one of the watched version. version: that of the last of them."""

    predictions: int = 0
    version: str = ""


@dataclass(frozen=True, slots=True)
class Monitor:
    """served: the version in production, whose traffic is watched. baseline: the version it is compared with.

    reports: number of its reports so far. newest_label: when the newest outcome happened that was sent
    since the baseline was taken. labels_at: when labels last came, matched or not.
    revision: of what is to be watched, grows with each change of it. configured_by: who made the last one.
    """

    id: str
    team: str
    config: Config
    created_at: datetime
    updated_at: datetime
    model_id: str = ""
    served: str = ""
    baseline: str = ""
    baseline_at: datetime | None = None
    levels: Mapping[DriftKind, Level] = field(default_factory=dict)
    judged: bool = False
    reports: int = 0
    alarms: int = 0
    last_event_at: datetime | None = None
    newest_label: datetime | None = None
    retraining: Retraining = Retraining()
    unwatched: Unwatched = Unwatched()
    labels_at: datetime | None = None
    revision: int = 1
    configured_by: str = ""

    @property
    def state(self) -> MonitorState:
        if not self.config.enabled:
            return MonitorState.PAUSED
        if not self.baseline:
            return MonitorState.PENDING_BASELINE
        return MonitorState.ACTIVE if self.judged else MonitorState.WARMING_UP

    @property
    def severity(self) -> Severity:
        return max((level.shown for level in self.levels.values()), default=Severity.OK)

    def awaits_labels(self, now: datetime, unlabelled: timedelta) -> bool:
        """Whether predictions are stored for labels: not where none came in so long a time."""
        return now - max(self.created_at, self.labels_at or self.created_at) < unlabelled

    @property
    def counts(self) -> bool:
        """Whether traffic goes into windows."""
        return self.config.enabled and bool(self.baseline)
