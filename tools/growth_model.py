"""What growth.toml says, replayed against the limits of the streams and the retention of the rest.

Arithmetic only: hours are numbers, a stream is a queue of the bytes that came in each hour.
"""

from collections import Counter, deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from fp_events.streams import Discard, Retention, Stream
from rules.growth import Grows

DAY: Final = 24
_LONGEST_PART: Final = {"day": 1, "month": 31, "": 0}


@dataclass(slots=True)
class Replayed:
    """refused: by stream, the first hour in which it took not everything. dropped: bytes that streams which drop their
    oldest dropped before their age, and lost: bytes of streams that refuse whose age was over before their reader came.
    highest: bytes that each stream had at most. waiting: messages of each stream that waited at once for room in it, in
    an outbox or the spool. spooled: bytes of predictions that waited so at most.
    disk: bytes by kind at the end.
    """

    refused: dict[str, int] = field(default_factory=dict)
    dropped: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    highest: Counter[str] = field(default_factory=Counter)
    waiting: Counter[str] = field(default_factory=Counter)
    spooled: int = 0
    disk: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        return sum(self.disk.values())


@dataclass(slots=True)
class _Filling:
    """A stream on the way through the hours."""

    stream: Stream
    grows: Grows
    hours: deque[tuple[int, float]] = field(default_factory=deque)
    bytes: float = 0.0
    waits: float = 0.0
    came: float = 0.0

    def hour(self, now: int, result: Replayed, *, taken: bool) -> None:
        """taken: whoever an interest stream keeps its messages for is there."""
        age = self.stream.max_age.total_seconds() / 3_600
        interest = self.stream.retention is Retention.INTEREST
        while self.hours and now - self.hours[0][0] >= age:
            held = self.hours.popleft()[1]
            self.bytes -= held
            if interest:
                result.lost[self.stream.name] += int(held)
        self.came += self.grows.daily / DAY
        messages = int(self.came)
        self.came -= messages
        wanted = self.waits + messages * self.grows.size
        room = self.stream.max_bytes - self.bytes
        if wanted > room and self.stream.discard is Discard.OLD:
            result.dropped[self.stream.name] += int(wanted - room)
            self._shorten(wanted - room)
            room = wanted
        if interest and taken:
            self._pass(wanted, result)
            return
        enters = min(wanted, room)
        self.waits = wanted - enters
        self._store(now, enters, result)

    def _pass(self, wanted: float, result: Replayed) -> None:
        """Everything is taken as it comes."""
        result.highest[self.stream.name] = max(
            result.highest[self.stream.name], int(min(wanted, self.stream.max_bytes))
        )
        self.hours.clear()
        self.bytes = self.waits = 0.0

    def _store(self, now: int, enters: float, result: Replayed) -> None:
        name = self.stream.name
        if enters:
            self.hours.append((now, enters))
            self.bytes += enters
        if self.waits:
            result.refused.setdefault(name, now)
            result.waiting[name] = max(result.waiting[name], int(self.waits / self.grows.size))
        result.highest[name] = max(result.highest[name], int(self.bytes))

    def _shorten(self, size: float) -> None:
        """Take so many bytes off the old end."""
        self.bytes = max(0.0, self.bytes - size)
        while size > 0 and self.hours:
            hour, held = self.hours.popleft()
            if held > size:
                self.hours.appendleft((hour, held - size))
            size -= held


def replay(entries: Iterable[Grows], streams: Sequence[Stream], *, days: int, away: Collection[int] = ()) -> Replayed:
    """So many days, hour by hour, from empty stores on.

    away: hours in which billing takes nothing, so that the stream of predictions keeps them.
    Raises KeyError for a stream that is not among the entries.
    """
    result = Replayed()
    known = {each.name: each for each in entries if each.kind == "stream"}
    filling = [_Filling(stream, known[stream.name]) for stream in streams]
    for now in range(days * DAY):
        for each in filling:
            each.hour(now, result, taken=now not in away)
            if each.stream.retention is Retention.INTEREST:
                result.spooled = max(result.spooled, int(each.waits))
    result.disk["stream"] = int(sum(each.bytes for each in filling))
    for entry in entries:
        if entry.kind != "stream":
            result.disk[entry.kind] += size_after(entry, days)
    return result


def size_after(entry: Grows, days: float) -> int:
    """Bytes of it after so many days."""
    retained = days if entry.days is None else min(days, entry.days + _LONGEST_PART[entry.by])
    size = int(entry.size * entry.daily * retained)
    return size if entry.most is None else min(size, entry.most)
