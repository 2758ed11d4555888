"""The metrics of monitor."""

from fp_telemetry import Metrics as Registry

from fp_monitor.domain.metric import DriftKind


class Metrics:
    def __init__(self, registry: Registry) -> None:
        self._windows = registry.counter(
            "windows_judged_total", "Windows that were closed, by kind and severity.", ("kind", "outcome")
        )

        self._logged = registry.counter("predictions_logged_total", "Predictions that were stored in the log.")
        self._log_missed = registry.counter(
            "prediction_log_gaps_total", "Gaps in the prediction log: its events were dropped before they were read."
        )

        self._log_unreadable = registry.counter(
            "prediction_log_unreadable_total", "Times that a file of the prediction log was lost or damaged."
        )

    def log_unreadable(self) -> None:
        self._log_unreadable.inc()

    def logged(self, predictions: int) -> None:
        self._logged.inc(predictions)

    def log_missed(self) -> None:
        self._log_missed.inc()

    def window_judged(self, kind: DriftKind, outcome: str) -> None:
        self._windows.labels(kind, outcome).inc()
