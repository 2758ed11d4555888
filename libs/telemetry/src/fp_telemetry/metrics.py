"""Prometheus metrics of one service."""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from fp_telemetry import names

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

Metric = TypeVar("Metric", Counter, Gauge, Histogram)
Own = TypeVar("Own", bound=Collector)


class Metrics:
    """The metrics of one noun, in a registry of their own, so that two services may live in one test process.

    Asking twice for the same metric answers the same object. Raises ValueError for a name or label that
    `fp_telemetry.names` does not admit, and when a name was taken with another kind or other labels.
    """

    def __init__(self, noun: str) -> None:
        # The *_created series double the output and nobody reads them.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.noun = noun
        self.registry = CollectorRegistry()
        self._known: dict[str, tuple[tuple[str, ...], Any]] = {}
        self._collectors: dict[str, Any] = {}
        ProcessCollector(registry=self.registry)

    def counter(self, name: str, help: str, labels: Sequence[str] = ()) -> Counter:  # noqa: A002 -- Prometheus' word
        return self._metric(Counter, "counter", name, help, tuple(labels))

    def gauge(self, name: str, help: str, labels: Sequence[str] = ()) -> Gauge:  # noqa: A002 -- Prometheus' word
        return self._metric(Gauge, "gauge", name, help, tuple(labels))

    def histogram(
        self,
        name: str,
        help: str,  # noqa: A002 -- Prometheus' word
        labels: Sequence[str] = (),
        buckets: Sequence[float] = SECONDS,
    ) -> Histogram:
        return self._metric(Histogram, "histogram", name, help, tuple(labels), buckets=tuple(buckets))

    def collector(self, key: str, make: Callable[[], Own]) -> Own:
        """A collector of one's own, registered once: the first caller's `make` makes it, the next ones share it."""
        found = self._collectors.get(key)
        if found is None:
            found = self._collectors[key] = make()
            self.registry.register(found)
        own: Own = found
        return own

    def render(self) -> tuple[bytes, str]:
        """The exposition for a scrape and its content type."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST

    def _metric(
        self, cls: type[Metric], kind: str, name: str, text: str, labels: tuple[str, ...], **options: Any
    ) -> Metric:
        known = self._known.get(name)
        if known is not None:
            if known[0] != labels or type(known[1]) is not cls:
                raise ValueError(f"metric {name!r} exists with another kind or other labels")
            metric: Metric = known[1]
            return metric
        names.check(kind, name, labels)
        created: Metric = cls(f"fp_{self.noun}_{name}", text, labels, registry=self.registry, **options)
        self._known[name] = (labels, created)
        return created
