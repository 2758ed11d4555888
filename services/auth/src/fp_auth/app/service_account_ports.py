"""Ports of the use-cases about service accounts."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from fp_kernel import Command, PageRequest

from fp_auth.app.account_ports import Withdrawals
from fp_auth.app.ports import ApiKeys, Outbox
from fp_auth.domain.api_keys import ApiKey
from fp_auth.domain.service_accounts import ServiceAccount


@dataclass(frozen=True, slots=True)
class AccountHolder:
    """A key with its account as it is now."""

    key: ApiKey
    account: ServiceAccount


class ServiceAccounts(Protocol):
    async def add(self, account: ServiceAccount) -> bool:
        """False when the team has or had one of this name."""
        ...

    async def find(self, team: str, account_id: str) -> ServiceAccount | None:
        """None for a deleted one, as for one of another team."""
        ...

    async def lock(self, team: str, account_id: str) -> ServiceAccount | None:
        """As `find`; nobody else changes it, nor makes a key of it, until the transaction ends."""
        ...

    async def save(self, account: ServiceAccount) -> None:
        """Its description, scopes and whether it is disabled."""
        ...

    async def delete(self, account: ServiceAccount) -> None: ...

    async def lock_keys(self, account_id: str) -> Sequence[ApiKey]:
        """Its keys that are not revoked."""
        ...


class ServiceAccountReads(Protocol):
    async def find(self, team: str, account_id: str) -> ServiceAccount | None: ...

    async def find_by_key(self, key_hash: bytes) -> AccountHolder | None: ...

    async def page(self, team: str, page: PageRequest) -> Sequence[ServiceAccount]:
        """In order of creation, one more than the page's size when there is a next page."""
        ...

    async def keys(self, account_id: str, page: PageRequest, *, include_revoked: bool) -> Sequence[ApiKey]:
        """In order of creation, one more than the page's size when there is a next page."""
        ...


class ServiceAccountTransaction(Protocol):
    @property
    def service_accounts(self) -> ServiceAccounts: ...
    @property
    def api_keys(self) -> ApiKeys: ...
    @property
    def withdrawals(self) -> Withdrawals: ...
    @property
    def outbox(self) -> Outbox: ...

    async def complete(self, result: Any) -> None: ...


class ServiceAccountTransactions(Protocol):
    def __call__(self, command: Command | None = None) -> AbstractAsyncContextManager[ServiceAccountTransaction]: ...
