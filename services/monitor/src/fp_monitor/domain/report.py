"""What one closed window said."""

from dataclasses import dataclass
from datetime import datetime

from fp_monitor.domain.kinds import DriftKind, Severity
from fp_monitor.domain.metric import Metric
from fp_monitor.domain.window import Period


@dataclass(frozen=True, slots=True)
class Report:
    """number: of the monitor's reports, without gaps. retrains: whether it asked for a new model.

    judged: how many of the samples could be: a prediction without a score cannot, and of very many every so many is.
    gap: predictions of this time were dropped unread while the window was open. inconclusive: too many for a verdict,
    and severity is OK without meaning it.
    """

    id: str
    monitor_id: str
    team: str
    model_name: str
    version: str
    kind: DriftKind
    severity: Severity
    metrics: tuple[Metric, ...]
    window_id: str
    samples: int
    period: Period
    created_at: datetime
    number: int
    retrains: bool = False
    judged: int = 0
    gap: Period | None = None
    inconclusive: bool = False
