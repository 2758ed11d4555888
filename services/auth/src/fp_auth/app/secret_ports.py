"""Ports of the use-cases about secrets."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from fp_kernel import Command, PageRequest
from fp_kernel.key_encryption import WrappedKey
from fp_kernel.secret_references import SecretReference

from fp_auth.domain.secrets import SealedVersion, Secret, Version


class Envelope(Protocol):
    """Encrypts a value under its data key; context as for `fp_kernel.key_encryption.KeyEncryption`."""

    def new_key(self) -> bytes: ...

    def seal(self, data_key: bytes, value: bytes, context: bytes) -> bytes: ...

    def open(self, data_key: bytes, sealed: bytes, context: bytes) -> bytes:
        """Raises KeyNotHere."""
        ...


@dataclass(frozen=True, slots=True)
class Held:
    """A secret whose row nobody else changes until the transaction ends.

    exists: false for a name that was never used, or whose secret is deleted. last_version: the highest number that was
    ever used. versions: how many have a value.
    """

    exists: bool
    last_version: int
    versions: int


class Secrets(Protocol):
    async def lock_team(self, team: str) -> int:
        """How many secrets the team has; no other one is added until the transaction ends."""
        ...

    async def lock(self, team: str, name: str) -> Held: ...

    async def add(self, team: str, name: str, by: str, now: datetime) -> None:
        """Also in place of a deleted one, whose numbers go on."""
        ...

    async def add_version(self, team: str, sealed: SealedVersion, version: Version) -> None: ...

    async def version(self, team: str, name: str, number: int) -> Version | None: ...

    async def save_version(self, team: str, name: str, version: Version) -> None:
        """One that is destroyed loses its value."""
        ...

    async def delete(self, team: str, name: str, now: datetime) -> bool:
        """With all its values. False when it is not there."""
        ...

    async def replace_key(self, sealed: SealedVersion, team: str, wrapped: WrappedKey) -> None:
        """Unless it has another key by now, or no value any more."""
        ...


class SecretTransaction(Protocol):
    @property
    def secrets(self) -> Secrets: ...

    async def complete(self, result: Any) -> None: ...


class SecretTransactions(Protocol):
    def __call__(self, command: Command | None = None) -> AbstractAsyncContextManager[SecretTransaction]: ...


class SecretReads(Protocol):
    async def page(self, team: str, page: PageRequest) -> Sequence[Secret]:
        """By name, one more than the page's size when there is a next page."""
        ...

    async def versions(self, team: str, name: str, page: PageRequest) -> Sequence[Version]:
        """The newest first, one more than the page's size when there is a next page."""
        ...

    async def sealed(self, team: str, reference: SecretReference) -> SealedVersion | None: ...

    async def wrapped_by_others(
        self, key_id: str, after: tuple[str, str, int], limit: int
    ) -> Sequence[tuple[str, SealedVersion]]:
        """Team and version of those that another key wrapped, in order of team, name and number."""
        ...
