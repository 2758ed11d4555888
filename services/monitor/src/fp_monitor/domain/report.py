"""The report of a closed window, and when it asks for a retraining."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from fp_monitor.domain.metric import DriftKind, Metric, Severity
from fp_monitor.domain.monitor import Config, Retraining
from fp_monitor.domain.window import Period

# A request that nothing answered by then may be lost, and is repeated.
PATIENCE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Report:
    """number: of the monitor's reports, without gaps. retrains: whether it asked for a new model.

    judged: how many of the samples could be: a prediction without a score cannot, and of very many every so many is.
    gap: predictions of this time were dropped unread while the window was open. inconclusive: too many for a judgement,
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


@dataclass(frozen=True, slots=True)
class DriftDetected:
    """retrain_pipeline_id: not empty when the report asks for a new model, with outcomes known up to newest_label."""

    report: Report
    model_id: str
    retrain_pipeline_id: str = ""
    newest_label: datetime | None = None


class RetrainRequest(StrEnum):
    """NEW: by the report itself. AGAIN: that of the report before is published again; a receiver of both acts once."""

    NEW = "NEW"
    AGAIN = "AGAIN"


def retrain_request(
    config: Config, retraining: Retraining, kind: DriftKind, severity: Severity, now: datetime
) -> RetrainRequest | None:
    """Only lost performance asks: data that changed may do no harm, and a new model costs traffic and trust.

    While nobody answers there is one request, however many windows are critical: a pipeline that was away finds one.
    """
    if not config.auto_retrain or kind is not DriftKind.PERFORMANCE or severity is not Severity.CRITICAL:
        return None
    started, requested = retraining.started_at, retraining.requested_at
    if started is not None and now < started + config.cooldown:
        return None
    if requested is None or (started is not None and started >= requested):
        return RetrainRequest.NEW
    if now < requested + min(PATIENCE, config.cooldown):
        return None
    return RetrainRequest.AGAIN if retraining.report_id else RetrainRequest.NEW
