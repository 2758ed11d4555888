"""UUIDv7 ids (RFC 9562, section 5.7): they sort by creation, so that indexes grow at their end."""

import os
import threading
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

from fp_kernel.errors import invalid

_VERSION = 7 << 76
_VARIANT = 2 << 62
_COUNTER_BITS = 12
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
# Clocks of one process that step back by less than this are one clock.
_STEP = 1_000 << _COUNTER_BITS
_lock = threading.Lock()
_last = 0
_last_given = 0


def uuid7(unix_ms: int | None = None) -> UUID:
    """A UUIDv7; ids of one process strictly grow, also within a millisecond (RFC 9562, section 6.2, method 1).

    unix_ms: for tests and backfills; the growth guarantee holds for ids without it.
    """
    if unix_ms is None:
        return _of(_next_stamp())
    return _of((unix_ms << _COUNTER_BITS) | int.from_bytes(os.urandom(2), "big") >> 4)


def _of(stamp: int) -> UUID:
    return UUID(int=_number(stamp))


def _number(stamp: int) -> int:
    random = int.from_bytes(os.urandom(8), "big")
    milliseconds, counter = stamp >> _COUNTER_BITS, stamp & ((1 << _COUNTER_BITS) - 1)
    return (milliseconds << 80) | _VERSION | (counter << 64) | _VARIANT | (random & ((1 << 62) - 1))


def _text(stamp: int) -> str:
    """As `str(UUID)` writes it, which costs twice as much by way of the object; each call has such an id."""
    digits = f"{_number(stamp):032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _next_stamp() -> int:
    """Milliseconds and a counter as one number, greater than every one before it."""
    global _last  # noqa: PLW0603 -- the order of ids is a property of the process
    now = (time.time_ns() // 1_000_000) << _COUNTER_BITS
    with _lock:
        _last = max(now, _last + 1)
        return _last


def _stamp_at(at: datetime) -> int:
    """As `_next_stamp`, of a clock that was given: ids follow it also to another year."""
    global _last_given  # noqa: PLW0603 -- the order of ids is a property of the process
    wanted = ((at - _EPOCH) // _MILLISECOND) << _COUNTER_BITS
    with _lock:
        _last_given = _last_given + 1 if 0 <= _last_given - wanted < _STEP else wanted
        return _last_given


def new_id(at: datetime | None = None) -> str:
    """A new UUIDv7.

    at: the time by the clock of the service, for ids by which rows are found by their age or put into partitions: the
    machine's clock may be in another day. Ids of one process grow where it stands or goes back by less than a second.
    """
    return _text(_next_stamp() if at is None else _stamp_at(at))


def is_id(text: str) -> bool:
    """Whether `parse_id` would take it."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def parse_id(value: str, field: str) -> str:
    """The canonical text of an id.

    Raises InvalidArgument naming `field` when `value` is no UUID.
    """
    try:
        return str(UUID(value))
    except ValueError:
        raise invalid(field, "must be a UUID") from None
