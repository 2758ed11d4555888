"""Keys of auth, derived of the key of the environment: one a purpose."""

import hashlib
import hmac
from collections.abc import Sequence

import fp_sealing
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from fp_sealing import KEY_BYTES, NotSealedHere

__all__ = ["KEY_BYTES", "Fingerprints", "NotSealedHere", "Sealer", "derive"]


class Sealer(fp_sealing.Sealer):
    """Seals for one purpose. keys: of the environment; the first one seals, all of them open."""

    def __init__(self, keys: Sequence[bytes], purpose: str) -> None:
        super().__init__([derive(key, purpose) for key in keys])


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
