"""The credentials of services: random secrets that the environment gives; only their SHA-256 is known here."""

import hashlib
import hmac
from collections.abc import Iterable
from datetime import timedelta

OVERLAP = timedelta(hours=1)
"""A hash that the environment no longer names stays good so long, because a roll-out starts services one by one."""

_NOBODY = hashlib.sha256(b"").digest()


def matches(secret: str, hashes: Iterable[bytes]) -> bool:
    """Whether the secret is one of those hashed; it takes the same time whichever it is, and for none at all."""
    digest = hashlib.sha256(secret.encode()).digest()
    found = hmac.compare_digest(digest, _NOBODY)
    for one in hashes:
        found |= hmac.compare_digest(digest, one)
    return found and bool(secret)
