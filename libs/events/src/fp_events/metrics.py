"""Metrics of the bus."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from fp_telemetry import Metrics, names


class BusMetrics:
    """The counters of one process; without `Metrics` nothing is counted."""

    def __init__(self, metrics: Metrics | None) -> None:
        self._metrics = metrics
        if metrics is None:
            return
        self._published = metrics.counter(names.EVENTS_PUBLISHED, "Events given to the bus, by outcome.", ("outcome",))
        self._consumed = metrics.counter(
            names.EVENTS_CONSUMED, "Events taken from the bus, by outcome.", ("consumer", "outcome")
        )
        self._dead = metrics.counter(names.EVENTS_DEAD, "Events given up, by reason.", ("consumer", "reason"))
        self._handling = metrics.histogram(names.EVENTS_HANDLING, "Time in a handler, per batch.", ("consumer",))
        self._lag = metrics.gauge(
            names.EVENTS_LAG, "Events stored for a consumer and not acknowledged by it.", ("consumer", "stream")
        )

        self._missed = metrics.counter(
            names.EVENTS_MISSED, "Events that a stream dropped before a consumer had them.", ("consumer", "stream")
        )

    def published(self, acked: int, failed: int) -> None:
        if self._metrics is None:
            return
        if acked:
            self._published.labels("acked").inc(acked)
        if failed:
            self._published.labels("failed").inc(failed)

    def consumed(self, consumer: str, outcome: str, count: int = 1) -> None:
        if self._metrics is not None:
            self._consumed.labels(consumer, outcome).inc(count)

    def dead(self, consumer: str, reason: str) -> None:
        if self._metrics is not None:
            self._dead.labels(consumer, reason).inc()

    def missed(self, consumer: str, stream: str, events: int) -> None:
        if self._metrics is not None:
            self._missed.labels(consumer, stream).inc(events)

    def lag(self, consumer: str, stream: str, events: int) -> None:
        if self._metrics is not None:
            self._lag.labels(consumer, stream).set(events)

    @contextmanager
    def handling(self, consumer: str) -> Iterator[None]:
        if self._metrics is None:
            yield
            return
        started = perf_counter()
        try:
            yield
        finally:
            self._handling.labels(consumer).observe(perf_counter() - started)
