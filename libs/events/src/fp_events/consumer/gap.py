"""Events that a stream dropped before their consumer had them."""

from fp_telemetry import get_logger

from fp_events.metrics import BusMetrics
from fp_events.streams import Discard, Stream

log = get_logger(__name__)


class Gap:
    """What one consumer missed of one stream that drops its oldest messages; counted once in this process.

    It counts messages of the stream, so that a consumer of some of its subjects may have missed fewer. A message that
    is dropped while it waits for its next attempt is not counted.
    """

    def __init__(self, consumer: str, stream: Stream, metrics: BusMetrics) -> None:
        self.possible = stream.discard is Discard.OLD
        self._consumer = consumer
        self._stream = stream.name
        self._metrics = metrics
        self._told = 0

    def seen(self, *, first: int, delivered: int) -> int:
        """first: oldest message of the stream. delivered: the last one handed to the consumer. How many are missed."""
        missed = max(0, first - 1 - max(delivered, self._told))
        if missed:
            self._told = first - 1
            log.error("events were dropped before they were read", **self._facts(), events=missed)
            self._metrics.missed(self._consumer, self._stream, missed)
        return missed

    def _facts(self) -> dict[str, str]:
        return {"consumer": self._consumer, "stream": self._stream}
