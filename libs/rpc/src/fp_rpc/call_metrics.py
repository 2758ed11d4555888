"""Rate, errors and duration of calls (RED metrics), incoming and outgoing."""

from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

from fp_telemetry import Metrics, names
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


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
        self._counts: dict[tuple[str, str], int] = {}
        self._seconds: dict[str, float] = {}
        self._buckets: dict[str, list[int]] = {}

    @classmethod
    def of(cls, metrics: Metrics, *, client: bool = False) -> "CallMetrics":
        """The counts of one direction of a service: its servers share one, and so do its channels."""
        return metrics.collector(f"red {client}", lambda: cls(metrics.noun, client=client))

    def observe(self, method: str, code: str, seconds: float) -> None:
        """code: the status name, for example `NOT_FOUND`."""
        key = (method, code)
        counts = self._counts
        if key in counts:
            counts[key] += 1
        else:
            counts[key] = 1
        if method not in self._buckets:
            self._buckets[method] = [0] * (len(BOUNDS) + 1)
            self._seconds[method] = 0.0
        self._buckets[method][bisect_left(BOUNDS, seconds)] += 1
        self._seconds[method] += seconds

    def describe(self) -> Iterable[Metric]:
        """The names, so that nobody else can register them."""
        return self._families()

    def collect(self) -> Iterable[Metric]:
        requests, duration = self._families()
        for (method, code), count in list(self._counts.items()):
            requests.add_metric((method, code), count)
        for method, buckets in list(self._buckets.items()):
            below = 0
            cumulated = []
            for bound, count in zip((*map(str, BOUNDS), "+Inf"), buckets, strict=True):
                below += count
                cumulated.append((bound, float(below)))
            duration.add_metric((method,), cumulated, self._seconds[method])
        return requests, duration

    def _families(self) -> tuple[CounterMetricFamily, HistogramMetricFamily]:
        return (
            CounterMetricFamily(self._requests, self._texts[0], labels=("method", "code")),
            HistogramMetricFamily(self._duration, self._texts[1], labels=("method",)),
        )
