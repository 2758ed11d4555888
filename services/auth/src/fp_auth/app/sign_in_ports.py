"""Ports of the sign-in by other issuers."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from fp_auth.app.ports import Transaction
from fp_auth.domain.foreign_tokens import Claims
from fp_auth.domain.program_sign_in import DeviceSignIn
from fp_auth.domain.sign_in import Flow


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the provider says is there; verified."""

    subject: str
    claims: Claims


class Provider(Protocol):
    async def authorization_url(self, flow: Flow) -> str:
        """Raises Unavailable."""
        ...

    async def check_sender(self, issuer: str) -> None:
        """issuer: as the answer names it, maybe empty. Raises Unauthenticated, Unavailable."""
        ...

    async def identity(self, flow: Flow, code: str, now: datetime) -> Identity:
        """Raises Unauthenticated, Unavailable."""
        ...


class ForeignIssuer(Protocol):
    async def claims(self, token: str) -> Claims:
        """Of a token that this issuer signed. Raises Unauthenticated, Unavailable."""
        ...


@dataclass(frozen=True, slots=True)
class KnownIdentity:
    """user_id: the account of (issuer, subject). signed_in_at: when the provider last vouched for it."""

    issuer: str
    user_id: str
    signed_in_at: datetime


class Identities(Protocol):
    async def find(self, issuer: str, subject: str) -> KnownIdentity | None: ...

    async def of_user(self, user_id: str) -> KnownIdentity | None:
        """The one that signed in last."""
        ...

    async def save(self, issuer: str, subject: str, user_id: str, now: datetime) -> None:
        """In place of the account that it had before."""
        ...


class DeviceSignIns(Protocol):
    async def add(self, sign_in: DeviceSignIn) -> bool:
        """False when the user code is in use."""
        ...

    async def find(self, device_hash: bytes) -> DeviceSignIn | None: ...

    async def lock_by_code(self, user_code: str) -> DeviceSignIn | None: ...

    async def decide(self, user_code: str, user_id: str, now: datetime) -> None:
        """user_id: empty when it was refused."""
        ...

    async def take(self, device_hash: bytes) -> DeviceSignIn | None:
        """Delete it and say what it was; of two at once one gets it."""
        ...

    async def open(self, most: int) -> int:
        """How many there are, counted to `most`."""
        ...

    async def prune(self, now: datetime, limit: int) -> int: ...


class SpentTokens(Protocol):
    async def spend(self, digest: bytes, ends: datetime) -> bool:
        """False when it was spent before."""
        ...

    async def prune(self, now: datetime, limit: int) -> int: ...


class SignInTransaction(Transaction, Protocol):
    @property
    def identities(self) -> Identities: ...
    @property
    def device_sign_ins(self) -> DeviceSignIns: ...
    @property
    def spent_tokens(self) -> SpentTokens: ...


class SignInTransactions(Protocol):
    def __call__(self) -> AbstractAsyncContextManager[SignInTransaction]: ...


Providers = Mapping[str, Provider]
