"""The metrics of monitor."""

from fp_telemetry import Metrics as Registry

from fp_monitor.domain.metric import DriftKind


class Metrics:
    def __init__(self, registry: Registry) -> None:
        self._windows = registry.counter(
            "windows_judged_total", "Windows that were closed, by kind and severity.", ("kind", "outcome")
        )

    def window_judged(self, kind: DriftKind, outcome: str) -> None:
        self._windows.labels(kind, outcome).inc()
