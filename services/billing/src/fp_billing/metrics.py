"""The metrics of billing."""

from fp_telemetry import Metrics as Registry


class Metrics:
    def __init__(self, registry: Registry) -> None:
        self._facts = registry.counter(
            "usage_events_total",
            "Facts in events: new ones were metered, known ones had been before.",
            ("result",),
        )
        self._invoices = registry.counter(
            "invoices_total",
            "Invoices made or completed, by their status; failed ones will be tried again.",
            ("result",),
        )

        self._unreconciled = registry.gauge(
            "unreconciled_days",
            "Days of a team and meter that are over, and whose usage that inference recorded is not what was billed.",
        )

    def unreconciled(self, days: int) -> None:
        self._unreconciled.set(days)

    def metered(self, new: int, known: int) -> None:
        self._facts.labels("new").inc(new)
        self._facts.labels("known").inc(known)

    def invoiced(self, status: str) -> None:
        self._invoices.labels(status.lower()).inc()
