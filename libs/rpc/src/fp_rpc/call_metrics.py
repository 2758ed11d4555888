"""Rate, errors and duration of calls (RED metrics), incoming and outgoing."""

from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

from fp_telemetry import Metrics, names
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class _Method:
    """Of one method: calls by code, calls by duration, seconds of all."""

    __slots__ = ("buckets", "counts", "seconds")

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0


class CallMetrics(Collector):
    """Counts calls by method and code, and their seconds by method; made into metrics when they are scraped.

    Counters of prometheus_client take a lock for each of their numbers on every call. Here one thread counts without
    locks, and a scrape reads a copy.
    """

    def __init__(self, noun: str, *, client: bool = False) -> None:
        prefix = f"fp_{noun}_"
        side = "sent" if client else "handled"
        self._requests = prefix + (names.GRPC_CLIENT_REQUESTS if client else names.GRPC_REQUESTS)
        self._duration = prefix + (names.GRPC_CLIENT_DURATION if client else names.GRPC_DURATION)
        self._texts = f"Calls {side}.", f"Seconds from the start to the end of calls {side}."
        self._methods: dict[str, _Method] = {}

    @classmethod
    def of(cls, metrics: Metrics, *, client: bool = False) -> "CallMetrics":
        """The counts of one direction of a service: its servers share one, and so do its channels."""
        return metrics.collector(f"red {client}", lambda: cls(metrics.noun, client=client))

    def observe(self, method: str, code: str, seconds: float) -> None:
        """code: the status name, for example `NOT_FOUND`."""
        seen = self._methods.get(method)
        if seen is None:
            seen = self._methods[method] = _Method()
        counts = seen.counts
        counts[code] = counts[code] + 1 if code in counts else 1
        seen.buckets[bisect_left(BOUNDS, seconds)] += 1
        seen.seconds += seconds

    def describe(self) -> Iterable[Metric]:
        """The names, so that nobody else can register them."""
        return self._families()

    def collect(self) -> Iterable[Metric]:
        requests, duration = self._families()
        for method, seen in list(self._methods.items()):
            for code, count in list(seen.counts.items()):
                requests.add_metric((method, code), count)
            below = 0
            cumulated = []
            for bound, count in zip((*map(str, BOUNDS), "+Inf"), tuple(seen.buckets), strict=True):
                below += count
                cumulated.append((bound, float(below)))
            duration.add_metric((method,), cumulated, seen.seconds)
        return requests, duration

    def _families(self) -> tuple[CounterMetricFamily, HistogramMetricFamily]:
        return (
            CounterMetricFamily(self._requests, self._texts[0], labels=("method", "code")),
            HistogramMetricFamily(self._duration, self._texts[1], labels=("method",)),
        )
