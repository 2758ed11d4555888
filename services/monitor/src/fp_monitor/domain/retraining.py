"""When lost performance asks for a new model."""

from datetime import datetime, timedelta

from fp_monitor.domain.kinds import DriftKind, Severity
from fp_monitor.domain.monitor import Config, Retraining

# A start that nobody has heard of by then has failed, and the next window may ask again.
PATIENCE = timedelta(minutes=1)


def asks(config: Config, retraining: Retraining, kind: DriftKind, severity: Severity, now: datetime) -> bool:
    """Only lost performance asks: data that changed may do no harm, and a new model costs traffic and trust."""
    if not config.auto_retrain or kind is not DriftKind.PERFORMANCE or severity is not Severity.CRITICAL:
        return False
    started, asked = retraining.started_at, retraining.asked_at
    if started is not None and now < started + config.cooldown:
        return False
    heard = started is not None and asked is not None and started >= asked
    return asked is None or heard or now >= asked + min(PATIENCE, config.cooldown)
