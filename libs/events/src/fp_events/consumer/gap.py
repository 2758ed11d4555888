"""Events that a stream dropped before their consumer had them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from fp_telemetry import get_logger

from fp_events.metrics import BusMetrics
from fp_events.streams.stream import Discard, Stream

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Missed:
    """A gap in what one consumer got of one stream that drops its oldest messages.

    first, last: numbers of the dropped messages in the stream; with the stream's name they identify the gap.
    events: how many they are. The consumer may take only some of their subjects: then it missed fewer.
    since: the time of the last message before the gap when this process had it in hand. Otherwise, after a restart or
    with several replicas, the moment at which the server last delivered one, which may be later; None when the server
    does not know it.
    until: the time of the first message behind the gap; of the last dropped one when there is none yet.
    """

    consumer: str
    stream: str
    first: int
    last: int
    since: datetime | None
    until: datetime

    @property
    def events(self) -> int:
        return self.last - self.first + 1


MissedHook = Callable[[Missed], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Position:
    """Where a durable stands in its stream.

    created: of the stream; another one means that it was lost and made anew.
    first: number of its oldest message. oldest: that message's time, or the newest one's when the stream is empty.
    delivered: number of the last message that the durable was given, to any replica. delivered_at: when.
    """

    created: str
    first: int
    oldest: datetime
    delivered: int
    delivered_at: datetime | None


class Gap:
    """What one consumer missed of one stream: counted at once, and reported before what follows it is asked for.

    A message that is dropped while it waits for its next attempt is not counted.
    """

    def __init__(self, consumer: str, stream: Stream, metrics: BusMetrics) -> None:
        self.possible = stream.discard is Discard.OLD
        self.unreported: Missed | None = None
        self._consumer = consumer
        self._stream = stream.name
        self._metrics = metrics
        self._created = ""
        self._counted = 0
        self._reported = 0
        self._taken: tuple[int, datetime] | None = None

    def taken(self, number: int, time: datetime) -> None:
        """This process has a message in hand."""
        if self._taken is None or number > self._taken[0]:
            self._taken = (number, time)

    def seen(self, at: Position) -> None:
        if at.created != self._created:
            self._created, self._counted, self._reported = at.created, 0, 0
        self._count(at)
        before = max(at.delivered, self._reported)
        self.unreported = None
        if at.first - 1 > before:
            since = self._since(at)
            self.unreported = Missed(self._consumer, self._stream, before + 1, at.first - 1, since, at.oldest)

    def reported(self, missed: Missed) -> None:
        self._reported = missed.last
        self.unreported = None

    def _count(self, at: Position) -> None:
        missed = at.first - 1 - max(at.delivered, self._counted)
        if missed > 0:
            self._counted = at.first - 1
            facts = {"consumer": self._consumer, "stream": self._stream}
            log.error("events were dropped before they were read", **facts, events=missed)
            self._metrics.missed(self._consumer, self._stream, missed)

    def _since(self, at: Position) -> datetime | None:
        if self._taken is not None and self._taken[0] == at.delivered:
            return self._taken[1]
        return None if at.delivered_at is None else min(at.delivered_at, at.oldest)
