"""Predictions into the spool."""

from collections import Counter

from fp_kernel import Clock
from fp_kernel.bucket import Bucket, Limit
from fp_telemetry import Metrics, get_logger

from fp_inference.adapters.events import failed_part
from fp_inference.adapters.made import Made, made
from fp_inference.adapters.spool.builder import Builder
from fp_inference.adapters.spool.logged import MOST_BYTES
from fp_inference.adapters.spool.raw import Raw, raw
from fp_inference.adapters.spool.records import Record, Report
from fp_inference.adapters.spool.spool import Spool, SpoolFull
from fp_inference.app.logged_models import LoggedModels
from fp_inference.app.values import Completed, Failed, Replay
from fp_inference.domain.failures import FailureReason
from fp_inference.domain.summary import rows, size

# The last part of the spool is for predictions that were made: failures must not keep them out.
_FAILURES_UNTIL = 0.75
# Callers can cause these at no cost to themselves; beyond this they are counted and not recorded one by one.
_CHEAP = frozenset(
    {
        FailureReason.NO_ROUTE,
        FailureReason.RATE_LIMITED,
        FailureReason.QUOTA_EXCEEDED,
        FailureReason.INVALID_INPUT,
    }
)
_CHEAP_LIMIT = Limit(rate=20.0, burst=200)
# Tensors of a prediction that is recorded as it was made: of larger ones the event, which has a bound, is smaller. One
# that is logged has another bound.
_MOST_RAW = 4_096
# Log lines about what could not be kept.
_TALK = Limit(rate=0.1, burst=1)

_log = get_logger(__name__)


class SpoolRecorder:
    """Records predictions and raises nothing: whatever an answer holds, and however full the disk is, it goes out.

    What could not be kept is counted by model, and logged at most every ten seconds.
    """

    def __init__(self, spool: Spool, builder: Builder, clock: Clock, metrics: Metrics, *, models: LoggedModels) -> None:
        self._spool = spool
        self._models = models
        self._builder = builder
        self._clock = clock
        self._cheap = Bucket(_CHEAP_LIMIT, clock.monotonic())
        self._talk = Bucket(_TALK, clock.monotonic())
        self._lost: Counter[tuple[str, str, str]] = Counter()
        self._outcomes = metrics.counter("predictions_total", "Predictions by outcome.", ("outcome",))
        self._answered = self._outcomes.labels("COMPLETED")
        self._untold = metrics.counter("failures_untold_total", "Failed predictions without event.", ("reason",))
        self._unlogged = metrics.counter(
            "predictions_unlogged_total", "Predictions that are missing in the prediction log.", ("reason",)
        )
        self._unrecorded = metrics.counter("predictions_unrecorded_total", "Answered predictions without event.")

    def completed(self, completed: Completed, replay: Replay | None) -> None:
        self._answered.inc()
        try:
            self._spool.append(Record(self._report(completed), replay))
        except Exception as error:  # noqa: BLE001 -- what records an answer can never fail it
            self._lose(completed, error)

    def failed(self, failed: Failed) -> None:
        self._outcomes.labels(failed.reason.value).inc()
        try:
            if self._may_record(failed):
                self._spool.append(Record(failed_part(failed), None))
                return
        except SpoolFull:
            pass
        except Exception as error:  # noqa: BLE001 -- the caller gets the failure that it is about
            _log.error("a failed prediction was not recorded", kind=type(error).__name__, model=failed.ask.model_name)
        self._untold.labels(failed.reason.value).inc()

    def _report(self, completed: Completed) -> Report | Raw:
        found, signature = made(completed), completed.target.signature
        total = size(found.inputs) + size(found.outputs)
        if total <= _MOST_RAW or (total <= MOST_BYTES and self._models.taken(*_of(found)) is not None):
            return raw(found, self._spool.layouts.digest(signature))
        if self._models.taken(*_of(found)) is not None:
            self._unlogged.labels("size").inc()
        return self._builder.build(found, signature)

    def _lose(self, completed: Completed, error: Exception) -> None:
        self._unrecorded.inc()
        self._spool.lost(completed.ask.caller.team, completed.at, _rows(completed))
        self._lost[completed.ask.caller.team, completed.ask.model_name, completed.target.version] += 1
        if self._talk.take(1, 1, self._clock.monotonic()).tokens:
            for (team, model, version), count in self._lost.items():
                _log.error(
                    "predictions were not recorded",
                    kind=type(error).__name__,
                    team=team,
                    model=model,
                    version=version,
                    predictions=count,
                )
            self._lost.clear()

    def _may_record(self, failed: Failed) -> bool:
        if self._spool.fullness >= _FAILURES_UNTIL:
            return False
        return failed.reason not in _CHEAP or bool(self._cheap.take(1, 1, self._clock.monotonic()).tokens)


def _of(found: Made) -> tuple[str, str, str]:
    return found.team, found.model_name, found.request_id


def _rows(completed: Completed) -> int:
    """One where the request's shape is what could not be recorded."""
    try:
        return rows(completed.ask.inputs, completed.target.signature) or 1
    except Exception:  # noqa: BLE001 -- what counts a lost prediction can fail its answer no more than what records one
        return 1
