"""Rate, errors and duration of calls."""

from typing import TYPE_CHECKING

from fp_telemetry import Metrics, names

if TYPE_CHECKING:
    from prometheus_client import Counter, Histogram


class Red:
    """Metrics of one direction; the children of label sets are kept, since looking them up costs more than counting.

    `code` is the status name, for example `NOT_FOUND`.
    """

    def __init__(self, metrics: Metrics, *, client: bool = False) -> None:
        side = "sent" if client else "handled"
        self._requests = metrics.counter(
            names.GRPC_CLIENT_REQUESTS if client else names.GRPC_REQUESTS, f"Calls {side}.", ("method", "code")
        )
        self._duration = metrics.histogram(
            names.GRPC_CLIENT_DURATION if client else names.GRPC_DURATION,
            f"Seconds from the start to the end of calls {side}.",
            ("method",),
        )
        self._counts: dict[tuple[str, str], Counter] = {}
        self._durations: dict[str, Histogram] = {}

    def observe(self, method: str, code: str, seconds: float) -> None:
        count = self._counts.get((method, code))
        if count is None:
            count = self._counts[method, code] = self._requests.labels(method, code)
        duration = self._durations.get(method)
        if duration is None:
            duration = self._durations[method] = self._duration.labels(method)
        count.inc()
        duration.observe(seconds)
