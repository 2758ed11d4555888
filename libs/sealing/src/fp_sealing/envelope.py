"""Values under data keys of their own, which a key-encryption key wraps."""

import os

from fp_kernel.key_encryption import KeyNotHere

from fp_sealing.cipher import KEY_BYTES, Cipher


class Envelope:
    """context: what a value belongs to; it must be the same when it is opened."""

    def new_key(self) -> bytes:
        return os.urandom(KEY_BYTES)

    def seal(self, data_key: bytes, value: bytes, context: bytes) -> bytes:
        return Cipher(data_key).seal(value, context)

    def open(self, data_key: bytes, sealed: bytes, context: bytes) -> bytes:
        """Raises KeyNotHere."""
        value = Cipher(data_key).open(sealed, context)
        if value is None:
            raise KeyNotHere
        return value
