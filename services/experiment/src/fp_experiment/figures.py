"""The figures that tell how the experiment service does."""

from fp_telemetry import Metrics


class Figures:
    def __init__(self, metrics: Metrics) -> None:
        self._waiting = metrics.gauge("backlog_rows", "Points and lineage rows that wait or are being written.")
        self._seconds = metrics.histogram("batch_seconds", "Time to write one batch.")
        self._rows = metrics.counter("batch_rows_total", "Points and lineage rows handed to the database.")

    def waiting(self, rows: int) -> None:
        self._waiting.set(rows)

    def written(self, rows: int, seconds: float) -> None:
        self._rows.inc(rows)
        self._seconds.observe(seconds)
