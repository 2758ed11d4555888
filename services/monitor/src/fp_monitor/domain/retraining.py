"""When lost performance asks for a new model."""

from datetime import datetime, timedelta
from enum import StrEnum

from fp_monitor.domain.kinds import DriftKind, Severity
from fp_monitor.domain.monitor import Config, Retraining

# A request of which nothing was heard by then may be lost, and is repeated.
PATIENCE = timedelta(minutes=1)


class Asking(StrEnum):
    """NEW: the report asks. AGAIN: the report that asked before does so once more, and whoever heard it knows it."""

    NEW = "NEW"
    AGAIN = "AGAIN"


def asks(config: Config, retraining: Retraining, kind: DriftKind, severity: Severity, now: datetime) -> Asking | None:
    """Only lost performance asks: data that changed may do no harm, and a new model costs traffic and trust.

    While nobody answers there is one request, however many windows are critical: a pipeline that was away finds one.
    """
    if not config.auto_retrain or kind is not DriftKind.PERFORMANCE or severity is not Severity.CRITICAL:
        return None
    started, asked = retraining.started_at, retraining.asked_at
    if started is not None and now < started + config.cooldown:
        return None
    if asked is None or (started is not None and started >= asked):
        return Asking.NEW
    if now < asked + min(PATIENCE, config.cooldown):
        return None
    return Asking.AGAIN if retraining.report_id else Asking.NEW
