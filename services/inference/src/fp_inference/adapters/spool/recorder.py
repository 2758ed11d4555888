"""Predictions into the spool."""

from fp_kernel import Clock, Unavailable
from fp_telemetry import Metrics, get_logger

from fp_inference.adapters.events import completed_event, failed_event
from fp_inference.adapters.spool.records import Record
from fp_inference.adapters.spool.spool import Spool, SpoolFull
from fp_inference.app.values import Completed, Failed, Replay
from fp_inference.domain.bucket import Bucket, Limit
from fp_inference.domain.failures import FailureReason

# The last part of the spool is for predictions that were made: failures must not keep them out.
_FAILURES_UNTIL = 0.75
# Callers can cause these at no cost to themselves; beyond this they are counted and not told one by one.
_CHEAP = frozenset(
    {
        FailureReason.NO_ROUTE,
        FailureReason.RATE_LIMITED,
        FailureReason.QUOTA_EXCEEDED,
        FailureReason.INVALID_INPUT,
    }
)
_CHEAP_LIMIT = Limit(rate=20.0, burst=200)
_RETRY_AFTER = 5.0

_log = get_logger(__name__)


class SpoolRecorder:
    def __init__(self, spool: Spool, clock: Clock, metrics: Metrics) -> None:
        self._spool = spool
        self._clock = clock
        self._cheap = Bucket(_CHEAP_LIMIT, clock.monotonic())
        self._outcomes = metrics.counter("predictions_total", "Predictions by outcome.", ("outcome",))
        self._untold = metrics.counter("failures_untold_total", "Failed predictions without event.", ("reason",))

    def check_room(self) -> None:
        if self._spool.fullness >= 1.0:
            raise _full()

    def completed(self, completed: Completed, replay: Replay | None) -> None:
        try:
            self._spool.append(Record(completed_event(completed), replay))
        except SpoolFull:
            raise _full() from None
        self._outcomes.labels("COMPLETED").inc()

    def failed(self, failed: Failed) -> None:
        self._outcomes.labels(failed.reason.value).inc()
        if not self._may_tell(failed):
            self._untold.labels(failed.reason.value).inc()
            return
        try:
            self._spool.append(Record(failed_event(failed), None))
        except SpoolFull:
            self._untold.labels(failed.reason.value).inc()

    def _may_tell(self, failed: Failed) -> bool:
        if self._spool.fullness >= _FAILURES_UNTIL:
            return False
        return failed.reason not in _CHEAP or bool(self._cheap.take(1, 1, self._clock.monotonic()).tokens)


def _full() -> Unavailable:
    return Unavailable(
        "predictions cannot be recorded now, so none are made", reason="EVENT_SPOOL_FULL", retry_after=_RETRY_AFTER
    )
