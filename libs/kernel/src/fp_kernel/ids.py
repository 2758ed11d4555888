"""UUIDv7 ids (RFC 9562, section 5.7): they sort by creation, so that indexes grow at their end."""

import os
import threading
import time
from uuid import UUID

from fp_kernel.errors import invalid

_VERSION = 7 << 76
_VARIANT = 2 << 62
_COUNTER_BITS = 12
_lock = threading.Lock()
_last = 0


def uuid7(unix_ms: int | None = None) -> UUID:
    """A UUIDv7; ids of one process strictly grow, also within a millisecond (RFC 9562, section 6.2, method 1).

    unix_ms: for tests and backfills; the growth guarantee holds for ids without it.
    """
    random = int.from_bytes(os.urandom(10), "big")
    if unix_ms is None:
        stamp = _next_stamp()
    else:
        stamp = (unix_ms << _COUNTER_BITS) | (random >> 68)
    milliseconds, counter = stamp >> _COUNTER_BITS, stamp & ((1 << _COUNTER_BITS) - 1)
    return UUID(int=(milliseconds << 80) | _VERSION | (counter << 64) | _VARIANT | (random & ((1 << 62) - 1)))


def _next_stamp() -> int:
    """Milliseconds and a counter as one number, greater than every one before it."""
    global _last  # noqa: PLW0603 -- the order of ids is a property of the process
    now = (time.time_ns() // 1_000_000) << _COUNTER_BITS
    with _lock:
        _last = max(now, _last + 1)
        return _last


def new_id() -> str:
    return str(uuid7())


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
