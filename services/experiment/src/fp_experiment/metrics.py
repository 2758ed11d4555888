"""The metrics of experiment."""

from fp_telemetry import Metrics as Registry


class Metrics:
    def __init__(self, registry: Registry) -> None:
        self._waiting = registry.gauge("backlog_rows", "Points and lineage rows that wait or are being written.")
        self._seconds = registry.histogram("batch_seconds", "Time to write one batch.")
        self._rows = registry.counter("batch_rows_total", "Points and lineage rows handed to the database.")

    def waiting(self, rows: int) -> None:
        self._waiting.set(rows)

    def written(self, rows: int, seconds: float) -> None:
        self._rows.inc(rows)
        self._seconds.observe(seconds)
