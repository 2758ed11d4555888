"""Encryption at rest under the key of the environment: AES-256-GCM, one derived key a purpose."""

import hashlib
import hmac
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
_NONCE_BYTES = 12
_VERSION = b"\x01"


class NotSealedHere(Exception):
    """The data was sealed under another key, for another purpose or another name, or was changed."""


class Sealer:
    """Seals for one purpose. keys: the first one seals, all of them open, so that the key can be replaced."""

    def __init__(self, keys: Sequence[bytes], purpose: str) -> None:
        self._ciphers = [AESGCM(derive(key, purpose)) for key in keys]

    def seal(self, data: bytes, name: str) -> bytes:
        """name: what the data belongs to; sealed data cannot be moved to another name."""
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._ciphers[0].encrypt(nonce, data, name.encode())

    def open(self, sealed: bytes, name: str) -> bytes:
        """Raises NotSealedHere."""
        version, nonce, body = sealed[:1], sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        for cipher in self._ciphers if version == _VERSION else ():
            try:
                return cipher.decrypt(nonce, body, name.encode())
            except (InvalidTag, ValueError):
                continue
        raise NotSealedHere


class Fingerprints:
    """Digests that mean nothing without the key: a plain digest of a password is a way around argon2."""

    def __init__(self, key: bytes) -> None:
        self._key = derive(key, "fingerprints")

    def __call__(self, data: bytes) -> bytes:
        return hmac.digest(self._key, data, hashlib.sha256)


def derive(key: bytes, purpose: str) -> bytes:
    """A key of its own for each purpose. Raises ValueError for a key of the wrong size."""
    if len(key) != KEY_BYTES:
        raise ValueError(f"the key must have {KEY_BYTES} bytes")
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=f"fp_auth:{purpose}".encode()).derive(key)
