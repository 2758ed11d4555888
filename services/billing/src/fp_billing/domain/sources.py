"""Ids of usage whose event carries no id of its own."""

import hashlib
from datetime import datetime
from uuid import UUID

_VERSION = 7 << 76
_VARIANT = 2 << 62
_MIDDLE = ((1 << 12) - 1) << 64
_LOWER = (1 << 62) - 1
_TIME = 80
_WIDTH = 48


def part_of(whole_id: str, part: str) -> str:
    """The id of a part of something, with the time of its id: an event that comes again gets the same one."""
    try:
        time = UUID(whole_id).int >> _TIME
    except ValueError:
        time = 0
    return _derived(time, whole_id, part)


def share_of(what_id: str, begin: datetime) -> str:
    """The id of something in the time that begins at `begin`."""
    time = int(begin.timestamp() * 1_000) % (1 << _WIDTH)
    return _derived(time, what_id, begin.isoformat())


def _derived(time: int, *names: str) -> str:
    """A UUIDv7 whose random bits are a digest of the names, which cannot run into each other."""
    made = hashlib.sha256()
    for name in names:
        raw = name.encode()
        made.update(len(raw).to_bytes(4, "big") + raw)
    raw_id = int.from_bytes(made.digest()[:16], "big")
    return str(UUID(int=(time << _TIME) | _VERSION | (raw_id & _MIDDLE) | _VARIANT | (raw_id & _LOWER)))
