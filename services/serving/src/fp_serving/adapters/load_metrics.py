"""How models come and go in a process."""

from fp_telemetry import Metrics

from fp_serving.app.residents import Observer

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class LoadMetrics(Observer):
    def __init__(self, metrics: Metrics) -> None:
        self._loads = metrics.counter("model_loads_total", "Loads that ended, by outcome.", ("outcome",))
        self._seconds = metrics.histogram("model_load_seconds", "Of one load, its wait included.", buckets=_SECONDS)
        self._evictions = metrics.counter("model_evictions_total", "Models that went to make room for others.")

    def loaded(self, seconds: float, outcome: str) -> None:
        self._loads.labels(outcome).inc()
        self._seconds.observe(seconds)

    def evicted(self) -> None:
        self._evictions.inc()
