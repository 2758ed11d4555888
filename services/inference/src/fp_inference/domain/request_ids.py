"""Ids that a retry finds again."""

import hashlib
from uuid import UUID

_VERSION = 8 << 76
_VARIANT = 2 << 62
_UPPER = ((1 << 48) - 1) << 80
_MIDDLE = ((1 << 12) - 1) << 64
_LOWER = (1 << 62) - 1


def request_id(team: str, rpc: str, key: str) -> str:
    """The id of the request with this idempotency key: a client's retry is the same request and bills once."""
    return _derived("request", team, rpc, key)


def event_id(subject: str, request: str) -> str:
    """The id of the one event of this kind that a request has, however often it is told."""
    return _derived("event", subject, request)


def digest(*parts: str) -> bytes:
    """SHA-256 over parts that cannot run into each other."""
    made = hashlib.sha256()
    for part in parts:
        raw = part.encode()
        made.update(len(raw).to_bytes(4, "big"))
        made.update(raw)
    return made.digest()


def _derived(*parts: str) -> str:
    """A UUIDv8 (RFC 9562, section 5.8) made of the digest."""
    raw = int.from_bytes(digest(*parts)[:16], "big")
    return str(UUID(int=(raw & _UPPER) | _VERSION | (raw & _MIDDLE) | _VARIANT | (raw & _LOWER)))
