"""Keys that wrap data keys: from the environment, or from a file that a vault or a secret of the cluster mounts."""

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from fp_kernel.key_encryption import KeyNotHere, WrappedKey

from fp_sealing.cipher import KEY_BYTES, Cipher


class KeyRing:
    """`fp_kernel.key_encryption.KeyEncryption` on keys in memory.

    keys: the first one wraps, all unwrap, so that the key can be replaced. Raises ValueError for one of another size
    than KEY_BYTES.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._ciphers: Mapping[str, Cipher] = {_id(key): Cipher(key) for key in keys}
        self._key_id = _id(keys[0])

    @property
    def key_id(self) -> str:
        return self._key_id

    async def wrap(self, data_key: bytes, context: bytes) -> WrappedKey:
        return WrappedKey(self._key_id, self._ciphers[self._key_id].seal(data_key, context))

    async def unwrap(self, wrapped: WrappedKey, context: bytes) -> bytes:
        cipher = self._ciphers.get(wrapped.key_id)
        data_key = cipher.open(wrapped.wrapped, context) if cipher else None
        if data_key is None:
            raise KeyNotHere
        return data_key


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
