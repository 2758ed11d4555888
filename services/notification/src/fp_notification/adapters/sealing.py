"""Encryption of what waits in the database: AES-256-GCM under a key derived from the service's own."""

import hashlib
import hmac
import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE: Final = 12
_VERSION: Final = b"\x01"


class NotSealedHere(Exception):
    """The data was sealed under another key or for another name, or was changed."""


def derive(key: bytes, purpose: str) -> bytes:
    """A key of its own for each purpose."""
    return hmac.digest(key, f"forgepoint notification {purpose}".encode(), hashlib.sha256)


class Sealer:
    """key: 32 bytes that never leave the process."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, data: bytes, name: str) -> bytes:
        """name: what the data belongs to; sealed data cannot be moved to another name."""
        nonce = os.urandom(_NONCE)
        return _VERSION + nonce + self._cipher.encrypt(nonce, data, name.encode())

    def open(self, sealed: bytes, name: str) -> bytes:
        """Raises NotSealedHere."""
        start = len(_VERSION) + _NONCE
        if sealed[: len(_VERSION)] != _VERSION:
            raise NotSealedHere
        try:
            return self._cipher.decrypt(sealed[len(_VERSION) : start], sealed[start:], name.encode())
        except (InvalidTag, ValueError):
            raise NotSealedHere from None
