"""Ports of the audit log."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from fp_auth.domain.audit import Checkpoint, Entry, Head


@dataclass(frozen=True, slots=True)
class Wanted:
    """team: empty for all of them. An empty text and None ask for any. recorded_from, recorded_to: half-open."""

    team: str = ""
    actor_id: str = ""
    method: str = ""
    resource_id: str = ""
    recorded_from: datetime | None = None
    recorded_to: datetime | None = None


class AuditWriter(Protocol):
    """Within one transaction; whoever has the head is the only one who extends the chain."""

    async def fresh(self, consumer: str, event_ids: Sequence[str]) -> set[str]:
        """The ids that were not recorded before."""

    async def head(self, day: date, seed: bytes) -> Head:
        """The newest head, locked until the transaction ends; that of `day` with this seed when there is none."""

    async def address_keys(self, persons: Sequence[str], now: datetime) -> Mapping[str, bytes]:
        """A key for each, made where there was none."""

    async def append(self, entries: Sequence[Entry], head: Head) -> None: ...


class AuditTransactions(Protocol):
    def __call__(self) -> AbstractAsyncContextManager[AuditWriter]: ...


class AuditReads(Protocol):
    async def newest(self) -> Head | None: ...

    async def heads(self, first: date, last: date) -> list[Head]:
        """Of the days that have a chain, in order; both days included."""

    async def head_before(self, day: date) -> Head | None: ...

    async def first_stored(self) -> date | None:
        """Day of the oldest entry that retention has left; None without entries."""

    def entries(self, day: date, team: str) -> AsyncIterator[Sequence[Entry]]:
        """In order, in bites. team: empty for all."""

    async def page(self, wanted: Wanted, before: tuple[date, int] | None, limit: int) -> list[Entry]:
        """The newest first. before: day and number of the last one that was seen."""


class AddressKeys(Protocol):
    async def erase(self, person: str) -> bool:
        """Whether there was a key."""
        ...


class Checkpoints(Protocol):
    """Heads that lie outside of the database."""

    async def put(self, checkpoint: Checkpoint) -> None:
        """Raises Unavailable. The same checkpoint again changes nothing."""

    async def of(self, first: date, last: date) -> list[Checkpoint]:
        """Those of these days whose signature is good, by day and number. Raises Unavailable."""

    async def drop_before(self, day: date) -> int: ...
