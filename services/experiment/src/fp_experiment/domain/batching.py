"""When a batch is written, and when there is no more room. Pure: rows and time are passed in."""

from collections import Counter, OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Entry = TypeVar("Entry")


@dataclass(frozen=True, slots=True)
class BatchPolicy:
    """rows: a batch is due when so many wait; one that is larger by its last entry is written at once too.

    age: seconds after which a batch is due however few wait.
    capacity: rows that may wait or be written at the same time; what comes beyond a team's share of it is refused.
    shortest, longest: seconds, the bounds of the wait that a refused caller is given.
    """

    rows: int = 5_000
    age: float = 0.0
    capacity: int = 50_000
    shortest: float = 0.1
    longest: float = 10.0

    def __post_init__(self) -> None:
        if not 0 < self.rows <= self.capacity:
            raise ValueError("a batch has 1 to `capacity` rows")


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[Entry]):
    entry: Entry
    rows: int
    since: float


class Backlog(Generic[Entry]):
    """What waits and what is being written; each team's in the order of arrival, the teams in turn.

    A team may have as many rows here as are free: alone it fills half, beside one other a third. So whatever one team
    logs, there is room for the next.
    """

    def __init__(self, policy: BatchPolicy) -> None:
        self.policy = policy
        # The team whose turn it is stands first.
        self._waiting: OrderedDict[str, deque[_Waiting[Entry]]] = OrderedDict()
        self._rows_of: Counter[str] = Counter()
        self._waiting_rows = 0
        self._writing: Counter[str] = Counter()
        self._pace = 0.0

    @property
    def rows(self) -> int:
        """Rows waiting or being written."""
        return self._waiting_rows + self._writing.total()

    def has_room(self, team: str, rows: int) -> bool:
        """An entry larger than all the room is let in when nothing else is there: else it could never be."""
        return self.rows == 0 or self._rows_of[team] + rows <= self.policy.capacity - self.rows

    def add(self, entry: Entry, rows: int, now: float, team: str) -> bool:
        """False when there is no room; nothing was added then."""
        if not self.has_room(team, rows):
            return False
        self._waiting.setdefault(team, deque()).append(_Waiting(entry, rows, now))
        self._rows_of[team] += rows
        self._waiting_rows += rows
        return True

    def due_in(self, now: float) -> float | None:
        """Seconds until a batch is due, 0 when it is; None when nothing waits."""
        if not self._waiting:
            return None
        if self._waiting_rows >= self.policy.rows:
            return 0.0
        oldest = min(entries[0].since for entries in self._waiting.values())
        return max(0.0, oldest + self.policy.age - now)

    def take(self) -> Sequence[Entry]:
        """Up to the size of a batch, and one entry at least when any waits; counted until `done`.

        One entry of each team in turn, so that a team that logs little does not wait behind one that logs much.
        """
        taken: list[Entry] = []
        rows = 0
        while self._waiting:
            team, entries = next(iter(self._waiting.items()))
            if taken and rows + entries[0].rows > self.policy.rows:
                break
            first = entries.popleft()
            taken.append(first.entry)
            rows += first.rows
            self._writing[team] += first.rows
            self._waiting.move_to_end(team)
            if not entries:
                del self._waiting[team]
        self._waiting_rows -= rows
        return taken

    def done(self, seconds: float) -> None:
        """What was taken is no longer being written, with or without success. seconds: how long it took."""
        if self._writing and seconds > 0:
            self._pace = self._writing.total() / seconds
        self._rows_of -= self._writing
        self._writing.clear()

    def retry_after(self) -> float:
        """Seconds after which half of what is here is gone, as fast as the last batch was written."""
        if not self._pace:
            return max(self.policy.shortest, min(1.0, self.policy.longest))
        return min(self.policy.longest, max(self.policy.shortest, self.rows / 2 / self._pace))
