"""The audit log as a chain: each entry's HMAC covers the entry and the HMAC before it.

The construction is that of a hash-chained log (Schneier and Kelsey, "Secure Audit Logs to Support Computer Forensics",
1999) with one fixed key: whoever has the database and not the key can neither change, move, add nor take away an entry
unseen. What was cut off at the end shows by the checkpoints, which lie elsewhere.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Final
from uuid import UUID

OBJECTS: Final = "audit/"
"""Prefix of the object store below which checkpoints lie."""

_FORM: Final = b"fp-audit-1"
_GENESIS: Final = b"fp-audit-genesis"
_LENGTH: Final = 4  # bytes
_OK: Final = "OK"
_TYPED: Final = b"fp-audit-typed"
_SHOWN: Final = 16  # hex digits of a digest of typed text: enough to compare two
_METHOD: Final = re.compile(r"/forgepoint\.([a-z]+)\.v[0-9]+\.[A-Za-z]+/[A-Za-z]+")
_GATEWAY: Final = "gateway"
_OF_THE_GATEWAY: Final = "platform"
_DIGEST: Final = re.compile(rf"typed:[0-9a-f]{{{_SHOWN}}}")


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of one call. resource_id: of a refused call an id, or a digest of what was typed.

    address: digest of the caller's network address under a key of his own; empty when it is not known.
    suppressed: further calls of this kind that were only counted.
    """

    id: str
    occurred_at: datetime
    team: str
    service: str
    method: str
    actor_id: str
    actor_role: str
    api_key_id: str
    status: str
    resource_id: str
    address: bytes
    suppressed: int
    correlation_id: str


def may_report(service: str, method: str, status: str) -> bool:
    """Whether the service may say that the method was called: its own, the gateway also others' that it has refused."""
    found = _METHOD.fullmatch(method)
    if found is None:
        return False
    if service == _GATEWAY:
        return status != _OK or found[1] == _OF_THE_GATEWAY
    return service == found[1]


@dataclass(frozen=True, slots=True)
class Entry:
    """A record in its place. number: from 1 within the day. mac: over all of this and the MAC before it."""

    day: date
    number: int
    recorded_at: datetime
    record: Record
    mac: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """Where a day's chain ends. seed: the head of the day before. mac: of the newest entry, or the seed."""

    day: date
    seed: bytes
    mac: bytes
    number: int = 0


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A head as it was once, kept outside of the database."""

    day: date
    number: int
    mac: bytes

    @property
    def key(self) -> str:
        """Of its object; the numbers of a day sort as text."""
        return f"audit/{self.day.isoformat()}/{self.number:019}.json"


@dataclass(frozen=True, slots=True)
class Break:
    """The first place of a chain that is wrong. number: 0 when it is the day itself."""

    number: int
    problem: str


class Chain:
    """Computes and checks with one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def begin(self, day: date) -> Head:
        """The head of the very first day."""
        seed = self._mac(_GENESIS)
        return Head(day, seed, seed)

    def extend(self, head: Head, records: Iterable[Record], now: datetime) -> tuple[list[Entry], Head]:
        """The records behind the head, and the head behind them.

        A new day begins with the head of the one before; a clock that goes back does not go back to the day before.
        """
        day = max(now.astimezone(UTC).date(), head.day)
        if day > head.day:
            head = Head(day, head.mac, head.mac)
        entries = []
        for record in records:
            number = head.number + 1
            entry = Entry(day, number, now, record, b"")
            entry = replace(entry, mac=self.mac(head.mac, entry))
            entries.append(entry)
            head = replace(head, mac=entry.mac, number=number)
        return entries, head

    def mac(self, before: bytes, entry: Entry) -> bytes:
        """before: the MAC of the entry before it, or the day's seed."""
        record = entry.record
        fields = (
            _FORM,
            before,
            entry.day.isoformat(),
            entry.number,
            entry.recorded_at,
            record.id,
            record.occurred_at,
            record.team,
            record.service,
            record.method,
            record.actor_id,
            record.actor_role,
            record.api_key_id,
            record.status,
            record.resource_id,
            record.address,
            record.suppressed,
            record.correlation_id,
        )
        return self._mac(b"".join(_framed(field) for field in fields))

    def sign(self, checkpoint: Checkpoint) -> bytes:
        """So that whoever can write to the object store cannot make a checkpoint."""
        fields = (b"fp-audit-checkpoint-1", checkpoint.day.isoformat(), checkpoint.number, checkpoint.mac)
        return self._mac(b"".join(_framed(field) for field in fields))

    def typed(self, text: str) -> str:
        """A digest of text that somebody typed, so that two entries can be compared and nothing can be read."""
        return f"typed:{hmac.digest(self._key, _TYPED + text.encode(), hashlib.sha256).hex()[:_SHOWN]}"

    def _mac(self, content: bytes) -> bytes:
        return hmac.digest(self._key, content, hashlib.sha256)


class Verification:
    """Reads a day's entries in order and remembers the first place that is wrong."""

    def __init__(self, chain: Chain, head: Head, before: Head | None, checkpoints: Sequence[Checkpoint]) -> None:
        """head: as the database has it. before: that of the day before, None for the first that is kept."""
        self._chain = chain
        self._head = head
        self._expected = {checkpoint.number: checkpoint.mac for checkpoint in checkpoints}
        self._mac = head.seed
        self.entries = 0
        self.agreed = 0
        self.broken: Break | None = None
        if before is not None and before.mac != head.seed:
            self.broken = Break(0, f"does not begin where {before.day} ended")

    def read(self, entries: Iterable[Entry]) -> None:
        """The next entries by number."""
        for entry in entries:
            if self.broken is not None:
                return
            self.broken = self._wrong(entry)
            self._mac = entry.mac
            self.entries += 1
            expected = self._expected.pop(entry.number, None)
            if expected == entry.mac:
                self.agreed += 1
            elif expected is not None and self.broken is None:
                self.broken = Break(entry.number, "is not what the checkpoint in the object store says")

    def end(self) -> Break | None:
        """What is wrong of the day, None when it is intact. Call it behind the last entry."""
        if self.broken is not None:
            return self.broken
        if self.entries != self._head.number or self._mac != self._head.mac:
            place = min(self.entries, self._head.number) + 1
            self.broken = Break(place, f"{self._head.number} entries were chained, {self.entries} are here")
        elif self._expected:
            most = max(self._expected)
            self.broken = Break(self.entries + 1, f"a checkpoint knows of {most} entries, {self.entries} are here")
        return self.broken

    def _wrong(self, entry: Entry) -> Break | None:
        expected = self.entries + 1
        if entry.number != expected:
            return Break(expected, f"is missing; the next one is {entry.number}")
        if not hmac.compare_digest(self._chain.mac(self._mac, entry), entry.mac):
            return Break(expected, "was changed, moved or added")
        return None


def resource_of(resource_id: str, *, status: str, actor_id: str, chain: Chain) -> str:
    """What is kept of the text that a call named. What a known caller did names what exists; a refused or anonymous
    call names anything, a password in the wrong field as well, and only an id of it is kept in clear.
    """
    existing = status == _OK and actor_id and "\0" not in resource_id
    if names_nobody(resource_id, of_people=not existing):
        return resource_id
    return chain.typed(resource_id)


def names_nobody(text: str, *, of_people: bool) -> bool:
    """Whether the text may stand in the log as it is: an id, a digest, or a name of something that is no person.

    of_people: whether any other text may be about a person.
    """
    if not text or _is_id(text) or _DIGEST.fullmatch(text):
        return True
    return not of_people and "@" not in text


def address_digest(key: bytes, address: str) -> bytes:
    return hmac.digest(key, address.encode(), hashlib.sha256)[:16] if address else b""


def person_of(actor_id: str, day: date) -> str:
    """Whose key an address is digested with: the caller's own, or that of the day for callers who are nobody."""
    return actor_id or f"nobody:{day.isoformat()}"


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _framed(field: str | bytes | int | datetime) -> bytes:
    """With its length in front: two neighbours cannot exchange what lies between them."""
    match field:
        case bytes():
            content = field
        case datetime():
            content = field.astimezone(UTC).isoformat(timespec="microseconds").encode()
        case _:
            content = str(field).encode()
    return len(content).to_bytes(_LENGTH, "big") + content
