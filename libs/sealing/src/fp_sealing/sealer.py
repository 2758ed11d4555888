"""Data that waits in a database, sealed under a key of the service's own."""

from collections.abc import Sequence
from typing import Final

from fp_sealing.cipher import Cipher

_VERSION: Final = b"\x01"


class NotSealedHere(Exception):
    """The data was sealed under another key or for another name, or was changed."""


class Sealer:
    """keys: of 32 bytes, of this purpose alone; the first one seals, all of them open, so that the key can be replaced.

    Raises ValueError for a key of another size.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._ciphers = [Cipher(key) for key in keys]

    def seal(self, data: bytes, name: str) -> bytes:
        """name: what the data belongs to; sealed data cannot be moved to another name."""
        return _VERSION + self._ciphers[0].seal(data, name.encode())

    def open(self, sealed: bytes, name: str) -> bytes:
        """Raises NotSealedHere."""
        if sealed[: len(_VERSION)] == _VERSION:
            for cipher in self._ciphers:
                data = cipher.open(sealed[len(_VERSION) :], name.encode())
                if data is not None:
                    return data
        raise NotSealedHere
