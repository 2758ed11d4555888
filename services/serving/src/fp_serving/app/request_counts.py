"""Counts of requests, for autoscalers and people."""

from collections.abc import Iterator
from contextlib import contextmanager

from fp_serving.domain.latency import Latencies


class RequestCounts:
    """Counts since the start of the process."""

    def __init__(self) -> None:
        self.in_flight = 0
        self.total = 0
        self.failed = 0
        self.latencies = Latencies()

    @contextmanager
    def request(self) -> Iterator[None]:
        self.in_flight += 1
        self.total += 1
        try:
            yield
        except BaseException:
            self.failed += 1
            raise
        finally:
            self.in_flight -= 1

    def answered(self, seconds: float) -> None:
        self.latencies.add(seconds)
