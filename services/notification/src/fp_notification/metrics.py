"""The metrics of notification."""

from fp_telemetry import Metrics as Registry


class Metrics:
    def __init__(self, registry: Registry) -> None:
        self._notified = registry.counter("told_total", "Recipients that were notified of an event.")
        self._attempts = registry.counter(
            "attempts_total", "Attempts to deliver to webhooks, by outcome.", ("outcome",)
        )
        self._mails = registry.counter(
            "mails_total", "Attempts to send mails about accounts, by outcome.", ("outcome",)
        )

    def mailed(self, status: str) -> None:
        self._mails.labels(status.lower()).inc()

    def notified(self, recipients: int) -> None:
        self._notified.inc(recipients)

    def attempted(self, status: str) -> None:
        self._attempts.labels(status.lower()).inc()
