"""Ports of the feature store's use-cases."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from fp_kernel import Command, OutOfRange, PageRequest

from fp_featurestore.domain.events import DomainEvent
from fp_featurestore.domain.instants import FIRST, Instant, show
from fp_featurestore.domain.log import FeaturesWritten, LogEvent
from fp_featurestore.domain.online import OnlineValue
from fp_featurestore.domain.rows import Row, Rows
from fp_featurestore.domain.view import View, ViewHead


@dataclass(frozen=True, slots=True)
class ViewRef:
    """One view; by id when it is given, else by name. A name is that of a view that is not deleted."""

    id: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class LockedLog:
    """A log that nobody else appends to until the transaction ends.

    view: what the log made so far; None of an empty one. now: not before the log's last event.
    """

    view: View | None
    now: Instant


class LogWriter(Protocol):
    async def lock(self, view_id: str) -> LockedLog:
        """Wait until nobody else appends to the view's log."""

    async def defined_by(self, view_id: str) -> str:
        """Who made the newest definition."""

    async def append(self, view: View, event: LogEvent) -> None:
        """A definition or deletion. view: what the log makes with it."""

    async def write(self, view: View, event: FeaturesWritten, rows: Rows) -> None:
        """A write, with its rows in the offline view. view: what the log makes with it."""


class ViewNames(Protocol):
    async def lock(self, team: str, name: str) -> str:
        """The id of the view of this name; empty when there is none. Nobody else takes the name until the end."""


class Outbox(Protocol):
    def add(self, event: DomainEvent) -> None:
        """Publish the event, if and only if the transaction commits."""


class Transaction(Protocol):
    """Events of one view, the view that they make, and the command's answer: all or nothing."""

    @property
    def names(self) -> ViewNames: ...

    @property
    def log(self) -> LogWriter: ...

    @property
    def outbox(self) -> Outbox: ...

    async def complete(self, result: object) -> None:
        """What the command answers, now and when it is repeated."""


class Transactions(Protocol):
    def __call__(self, command: Command | None = None) -> AbstractAsyncContextManager[Transaction]:
        """Raises fp_kernel.Replayed when the command was done before."""


class Views(Protocol):
    """Views as they are in the database."""

    async def view(self, team: str, ref: ViewRef) -> View | None: ...

    async def views(self, team: str, name: str, page: PageRequest) -> tuple[Sequence[View], str]:
        """Those whose name holds `name`, newest first, and the id to go on from; empty on the last page.

        A page of a search may have fewer views than were asked for, or none, and still not be the last one.
        """

    async def live(self, after: str, limit: int) -> Sequence[View]:
        """Of every team, those that are not deleted, by id."""

    async def heads(self, after: str, limit: int) -> Sequence[ViewHead]:
        """The same without what is dear to read."""

    async def changed(self, limit: int) -> Sequence[ViewHead]:
        """Those of them whose log has grown within the last minute, the newest first."""


@dataclass(frozen=True, slots=True)
class Fence:
    """Everything that became known by `now` lies at or before `version`, and is there to read.

    horizon, horizon_version: see `check_retained`.
    """

    version: int
    now: Instant
    horizon: Instant = FIRST
    horizon_version: int = 0

    def check_retained(self, field: str, *times: Instant, through: int | None = None) -> None:
        """Whether reads as of all of these times, of the log's version `through`, find what they found at first.

        Raises OutOfRange: history before the horizon is gone in parts, and what is left would be a wrong answer.
        """
        if min(times) < self.horizon or (through is not None and through < self.horizon_version):
            raise OutOfRange(
                f"{field}: the view's history is retained from {show(self.horizon)} on",
                reason="BEFORE_RETENTION",
                metadata={"retained_from": show(self.horizon), "retained_from_version": str(self.horizon_version)},
            )


@dataclass(frozen=True, slots=True)
class AsOfQuery:
    """One read of the offline view: the newest row of an entity, true as of a time and known by a time.

    not_before: the least event time that counts; an older row is as none.
    """

    entity_id: str
    as_of: Instant
    known_as_of: Instant
    not_before: Instant = FIRST


@dataclass(frozen=True, slots=True)
class Spine:
    """Where a window goes on: after this time and entity."""

    event_time: Instant
    entity_id: str


class Offline(Protocol):
    """The offline view."""

    async def fence(self, view_id: str) -> Fence:
        """Waits for writes that are under way: what a later one adds becomes known after `now`."""

    async def as_of(self, view_id: str, asks: Sequence[AsOfQuery], through: int) -> Mapping[int, Row]:
        """The answers by the place of their question; those that have one. through: the log's version to read at."""

    async def window(
        self, view_id: str, after: Spine, end: Instant, *, known_as_of: Instant, through: int, limit: int
    ) -> Sequence[Spine]:
        """Entities and event times in a window, each pair once, ordered."""


@dataclass(frozen=True, slots=True)
class LogPart:
    """Rows of the log's events `first` to `last`; an event without rows counts as well."""

    first: int
    last: int
    rows: Sequence[Row]


class Log(Protocol):
    def rows(self, view_id: str, after: int, through: int) -> AsyncIterator[LogPart]:
        """Everything after a version through another one, in batches."""

    async def version(self, view_id: str) -> int:
        """Of the last event; 0 when there is none."""


@dataclass(frozen=True, slots=True)
class OnlineState:
    """copy: what readers see; empty when there is none. version: up to which it has the log."""

    copy: str
    version: int


class Online(Protocol):
    """The online view. Every method raises Unavailable while its store is away.

    A copy holds the newest values of every entity of one view. A rebuild fills another one beside it and switches.
    """

    async def read(self, view: View, entity_ids: Sequence[str]) -> Sequence[OnlineValue | None] | None:
        """One entry an entity; None when there is no complete copy."""

    async def states(self, views: Sequence[ViewHead]) -> Sequence[OnlineState]: ...

    def fits(self, view: ViewHead, state: OnlineState) -> bool:
        """Whether the copy was made for the view as it is now defined."""

    async def intact(self) -> bool:
        """Whether the store still has what `mark_intact` left; one that was flushed or lost its disk has not."""

    async def mark_intact(self) -> None: ...

    async def apply(self, view: View, copy: str, part: LogPart) -> int:
        """Store values newer than the stored ones; answers up to which version the copy has the log.

        copy: empty for the one that readers see. Answers -1 when there is no such copy.
        """

    async def open(self, view: View) -> int:
        """Give a view that has nothing but its first definition a copy to see; answers the copy's version."""

    async def begin(self, view: View) -> str:
        """A new copy to fill, empty; only for who has the claim."""

    async def switch(self, view: View, copy: str, through: int, *, force: bool) -> bool:
        """Let readers see this copy, which has the log through a version.

        False when the one they see has more of it and `force` is not given. Raises Aborted when the copy is lost.
        """

    async def drop(self, view: View) -> None:
        """Let readers see none."""

    async def sweep(self) -> None:
        """Delete the copies that nobody sees and nobody fills."""


class Copies(Protocol):
    """Copies of the offline view, as a rebuild makes them."""

    async def stale(self, after: int, limit: int) -> tuple[Sequence[str], int | None]:
        """Of the next `limit` copies behind the number `after`: ids of views with one that nobody reads, and the number
        of the last copy; None behind the last one.
        """

    async def sweep(self, view_id: str) -> None:
        """Delete the copies of the view that nobody reads; only for who has the claim."""

    async def begin(self, view_id: str) -> int: ...

    async def fill(self, copy: int, view_id: str, first: int, last: int) -> None:
        """Project the log's events `first` to `last` into the copy."""

    async def switch(self, copy: int, view_id: str, after: int) -> int:
        """Project what came after, make the view what its log says, and let readers see the copy.

        Answers the log's version. No write happens meanwhile.
        """


@dataclass(frozen=True, slots=True)
class Retained:
    """A view whose history is retained for a time. retention: microseconds. horizon: None before the first trim.

    horizon_version: the log's last version that was recorded before the horizon.
    copy: that reads go to; None of a deleted view.
    """

    view_id: str
    retention: int
    horizon: Instant | None
    horizon_version: int
    copy: int | None
    deleted_at: Instant | None


class History(Protocol):
    """What is past retention; only for who has the view's claim."""

    async def retained(self, after: str, limit: int) -> Sequence[Retained]:
        """Views that have a retention, by id, deleted ones too."""

    async def trim(self, view: Retained, after: Spine | None) -> Spine | None:
        """Remove one bite of the rows that lose against another one for every reader behind the view's horizon.

        From the offline view and from the log in one transaction. Answers where to go on; None at the end.
        """

    async def forget_writes(self, view: Retained) -> bool:
        """Remove one bite of the writes of a deleted view from its log; False when there are none left."""

    async def advance(self, view: Retained, horizon: Instant) -> None:
        """Refuse reads before this time from now on; a horizon never goes back."""


class Claims(Protocol):
    def __call__(self, view_id: str) -> AbstractAsyncContextManager[bool]:
        """Whether this is the only rebuild of the view, until the end; a process that dies loses its claim."""


Observe = Callable[[str], None]
"""Counts one outcome by its name."""
