"""The figures that tell how notification does."""

from fp_telemetry import Metrics


class Figures:
    def __init__(self, metrics: Metrics) -> None:
        self._told = metrics.counter("told_total", "Recipients that were told of an event.")
        self._attempts = metrics.counter("attempts_total", "Attempts to deliver to webhooks, by outcome.", ("outcome",))

    def told(self, recipients: int) -> None:
        self._told.inc(recipients)

    def attempted(self, status: str) -> None:
        self._attempts.labels(status.lower()).inc()
