"""The port to what wraps data keys, and what passes through it."""

from dataclasses import dataclass, field
from typing import Protocol


class KeyNotHere(Exception):
    """The key that wrapped a data key is none of those that the platform has now, or the data key was changed."""


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A data key that only the key `key_id` opens."""

    key_id: str
    wrapped: bytes = field(repr=False)


class KeyEncryption(Protocol):
    """Wraps data keys: a ring of keys here, a key management service elsewhere; so it may be slow and may be away.

    context: must be the same when the data key is unwrapped.
    """

    @property
    def key_id(self) -> str:
        """The key that wraps now."""
        ...

    async def wrap(self, data_key: bytes, context: bytes) -> WrappedKey: ...

    async def unwrap(self, wrapped: WrappedKey, context: bytes) -> bytes:
        """Raises KeyNotHere."""
        ...
