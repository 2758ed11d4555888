"""The figures that tell how the feature store does."""

from fp_telemetry import Metrics


class Figures:
    def __init__(self, metrics: Metrics) -> None:
        self._reads = metrics.counter(
            "online_reads_total",
            "Reads: online came from Redis; incomplete (no whole copy there) and away from Postgres.",
            ("result",),
        )
        self._copies = metrics.counter(
            "online_copies_total",
            "Changes brought to the online view: followed at once; late, then caught_up; rebuilt from the log.",
            ("result",),
        )

    def read(self, result: str) -> None:
        self._reads.labels(result).inc()

    def copied(self, result: str) -> None:
        self._copies.labels(result).inc()
