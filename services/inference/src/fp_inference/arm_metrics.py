"""What each arm of an experiment answered, as series of metrics: of a bounded number of arms."""

from collections import OrderedDict
from typing import Final

from fp_telemetry import Metrics

from fp_inference.app.route_report import ArmKey

# An experiment has few arms. Of more than so many at once, the series of the one that counted nothing for longest end.
MOST_ARMS: Final = 200
_LABELS: Final = ("model", "arm", "version")
_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
ANSWERED: Final = "answered"
FAILED: Final = "failed"


class ArmMetrics:
    """arm: the rule's name, empty for the split's. model: with its team: models of two teams may have one name."""

    def __init__(self, metrics: Metrics) -> None:
        self._predictions = metrics.counter(
            "arm_predictions_total", "Predictions of an experiment's arms by outcome.", (*_LABELS, "outcome")
        )
        self._seconds = metrics.histogram(
            "arm_prediction_seconds", "From the request to its answer, by arm.", _LABELS, _BUCKETS
        )
        self._known: OrderedDict[ArmKey, None] = OrderedDict()

    def answered(self, arm: ArmKey, seconds: float) -> None:
        labels = self._labels(arm)
        self._predictions.labels(*labels, ANSWERED).inc()
        self._seconds.labels(*labels).observe(seconds)

    def failed(self, arm: ArmKey) -> None:
        self._predictions.labels(*self._labels(arm), FAILED).inc()

    def _labels(self, arm: ArmKey) -> tuple[str, str, str]:
        if arm in self._known:
            self._known.move_to_end(arm)
        else:
            self._known[arm] = None
            if len(self._known) > MOST_ARMS:
                self._forget(self._known.popitem(last=False)[0])
        return _named(arm)

    def _forget(self, arm: ArmKey) -> None:
        labels = _named(arm)
        for outcome in (ANSWERED, FAILED):
            self._predictions.labels(*labels, outcome)
            self._predictions.remove(*labels, outcome)
        self._seconds.labels(*labels)
        self._seconds.remove(*labels)


def _named(arm: ArmKey) -> tuple[str, str, str]:
    return f"{arm.team}/{arm.model_name}", arm.rule, arm.version
