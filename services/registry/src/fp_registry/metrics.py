"""The metrics of the registry."""

import fp_telemetry


class Metrics:
    def __init__(self, metrics: fp_telemetry.Metrics) -> None:
        self._reads = metrics.counter(
            "reads_total",
            "Reads: hit came from the projection; miss, late (not up to the position in time) and away from Postgres.",
            ("result",),
        )
        self._copies = metrics.counter("projection_copies_total", "Models brought to the projection.", ("result",))
        self._verifications = metrics.counter(
            "verifications_total", "Large uploads measured in the background.", ("outcome",)
        )

    def read(self, result: str) -> None:
        self._reads.labels(result).inc()

    def copied(self, result: str) -> None:
        self._copies.labels(result).inc()

    def measured(self, outcome: str) -> None:
        self._verifications.labels(outcome).inc()
