"""Ids that a retry finds again."""

import hashlib
from datetime import UTC, date, datetime, time
from uuid import UUID

_RANDOM_A = (1 << 12) - 1
_RANDOM_B = (1 << 62) - 1
_VARIANT = 2 << 62
_V7 = 7 << 76


def request_id(team: str, rpc: str, key: str, fingerprint: bytes, day: date) -> str:
    """The id of the request with this idempotency key and body that was first seen on this UTC day: a UUIDv7 (RFC 9562,
    section 5.7) whose time is the start of the day and whose random bits are a digest.

    A retry of the day is the same request and is billed once. The same key on another day, or with another body, is
    another request: without the day a nightly job with keys like `customer-17` was billed in its first night only.
    """
    started = int(datetime.combine(day, time(), UTC).timestamp()) * 1_000
    return timed_id(started, digest("request", team, rpc, key, fingerprint))


def timed_id(unix_ms: int, made: bytes) -> str:
    """A UUIDv7 of this time whose random bits are those of a digest."""
    return str(UUID(int=(unix_ms << 80) | _V7 | _lower(made)))


def digest(*parts: str | bytes) -> bytes:
    """SHA-256 over parts that cannot run into each other."""
    made = hashlib.sha256()
    for part in parts:
        raw = part if isinstance(part, bytes) else part.encode()
        made.update(len(raw).to_bytes(4, "big"))
        made.update(raw)
    return made.digest()


def _lower(made: bytes) -> int:
    """The lower 80 bits of a UUID without its version: 12 and 62 bits of a digest around the variant."""
    bits = int.from_bytes(made[6:16], "big")
    return (((bits >> 64) & _RANDOM_A) << 64) | _VARIANT | (bits & _RANDOM_B)
