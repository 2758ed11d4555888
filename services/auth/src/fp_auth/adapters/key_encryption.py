"""Keys that wrap data keys: from the environment, or from a file that a vault or a secret of the cluster mounts."""

import base64
import binascii
import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fp_auth.adapters.sealing import KEY_BYTES, derive
from fp_auth.app.secret_ports import KeyNotHere
from fp_auth.domain.secrets import WrappedKey

_NONCE_BYTES = 12
_PURPOSE = "secrets"


class LocalKeys:
    """`app.secret_ports.KeyEncryption`. keys: the first one wraps, all unwrap, so that the key can be replaced."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        derived = [derive(key, _PURPOSE) for key in keys]
        self._ciphers: Mapping[str, AESGCM] = {_id(key): AESGCM(key) for key in derived}
        self._key_id = _id(derived[0])

    @property
    def key_id(self) -> str:
        return self._key_id

    async def wrap(self, data_key: bytes, context: bytes) -> WrappedKey:
        nonce = os.urandom(_NONCE_BYTES)
        return WrappedKey(self._key_id, nonce + self._ciphers[self._key_id].encrypt(nonce, data_key, context))

    async def unwrap(self, wrapped: WrappedKey, context: bytes) -> bytes:
        cipher = self._ciphers.get(wrapped.key_id)
        if cipher is None:
            raise KeyNotHere
        return _open(cipher, wrapped.wrapped, context)


class AesEnvelope:
    """`app.secret_ports.Envelope`: AES-256-GCM."""

    def new_key(self) -> bytes:
        return os.urandom(KEY_BYTES)

    def seal(self, data_key: bytes, value: bytes, context: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + AESGCM(data_key).encrypt(nonce, value, context)

    def open(self, data_key: bytes, sealed: bytes, context: bytes) -> bytes:
        return _open(AESGCM(data_key), sealed, context)


def keys_of_file(path: Path) -> list[bytes]:
    """One key a line, base64 of 32 bytes; the first one wraps. Raises ValueError for anything else."""
    try:
        keys = [base64.b64decode(line, validate=True) for line in path.read_text().split()]
    except (OSError, binascii.Error, ValueError):
        raise ValueError("must name a file of keys in base64, one a line") from None
    if not keys or not all(len(key) == KEY_BYTES for key in keys):
        raise ValueError(f"must name a file with at least one key of {KEY_BYTES} bytes")
    return keys


def _id(key: bytes) -> str:
    """Names the key and says nothing about it."""
    return hashlib.sha256(b"id of the key " + key).hexdigest()[:16]


def _open(cipher: AESGCM, sealed: bytes, context: bytes) -> bytes:
    try:
        return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context)
    except (InvalidTag, ValueError):
        raise KeyNotHere from None
