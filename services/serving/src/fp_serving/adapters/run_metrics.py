"""How long requests wait for a run, and how long runs take: whether a runtime needs company or a larger machine."""

from fp_telemetry import Metrics

_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 1024)
_SECONDS = (0.00001, 0.00005, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0)


class RunMetrics:
    """An observer of runs (`fp_serving.adapters.model_runs`)."""

    def __init__(self, metrics: Metrics) -> None:
        self._rows = metrics.histogram("batch_rows", "Rows of one run.", buckets=_ROWS)
        self._queue = metrics.histogram("queue_seconds", "From a request's arrival to its run.", buckets=_SECONDS)
        self._ensembles = metrics.histogram(
            "ensemble_seconds", "Of one answer of an ensemble, all its steps.", buckets=_SECONDS
        )
        self._compute = metrics.histogram("compute_seconds", "Of one run of the model.", buckets=_SECONDS)

    def answered(self, seconds: float) -> None:
        self._ensembles.observe(seconds)

    def waited(self, seconds: float) -> None:
        self._queue.observe(seconds)

    def ran(self, rows: int, seconds: float) -> None:
        self._rows.observe(rows)
        self._compute.observe(seconds)
