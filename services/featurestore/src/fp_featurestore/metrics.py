"""The metrics of the feature store."""

from fp_telemetry import Metrics as Registry


class Metrics:
    def __init__(self, registry: Registry) -> None:
        self._reads = registry.counter(
            "online_reads_total",
            "Reads: online came from Redis; incomplete (no whole copy there) and away from Postgres.",
            ("result",),
        )
        self._copies = registry.counter(
            "online_copies_total",
            "Changes brought to the online view: followed at once; late, then caught_up; rebuilt from the log.",
            ("result",),
        )

    def read(self, result: str) -> None:
        self._reads.labels(result).inc()

    def copied(self, result: str) -> None:
        self._copies.labels(result).inc()
