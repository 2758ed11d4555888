"""All stores in memory, and transactions over them."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fp_events import Event
from fp_kernel import Command
from fp_postgres import MemoryTransaction, MemoryTransactions

from fp_auth.adapters.events import to_event
from fp_auth.adapters.memory.api_keys import MemoryApiKeys
from fp_auth.adapters.memory.login_attempts import MemoryLoginAttempts
from fp_auth.adapters.memory.service_credentials import MemoryServiceCredentials
from fp_auth.adapters.memory.sessions import MemorySessions
from fp_auth.adapters.memory.signing_keys import MemorySigningKeys
from fp_auth.adapters.memory.users import MemoryRoles, MemoryUsers
from fp_auth.domain.events import DomainEvent
from fp_auth.domain.users import Role


class MemoryStores:
    def __init__(self, roles: Iterable[Role]) -> None:
        self.users = MemoryUsers()
        self.roles = MemoryRoles({role.name: role for role in roles})
        self.api_keys = MemoryApiKeys(self.users, self.roles)
        self.sessions = MemorySessions()
        self.attempts = MemoryLoginAttempts()
        self.signing_keys = MemorySigningKeys()
        self.service_credentials = MemoryServiceCredentials()


class MemoryOutbox:
    def __init__(self, transaction: MemoryTransaction) -> None:
        self._transaction = transaction

    def add(self, event: DomainEvent) -> None:
        self._transaction.outbox.add(to_event(event))


class MemoryAuthTransaction:
    """One at a time, so that every lock is held already."""

    def __init__(self, stores: MemoryStores, transaction: MemoryTransaction, command: Command | None) -> None:
        self.users = stores.users
        self.roles = stores.roles
        self.api_keys = stores.api_keys
        self.sessions = stores.sessions
        self.attempts = stores.attempts
        self.signing_keys = stores.signing_keys
        self.service_credentials = stores.service_credentials
        self.outbox = MemoryOutbox(transaction)
        self._transaction = transaction
        self._command = command

    async def exclusive(self, name: str) -> None:
        """Nothing to wait for."""

    async def complete(self, result: Any) -> None:
        if self._command is not None:
            await self._transaction.complete(self._command, result)


class MemoryAuthTransactions:
    """events: what committed transactions left in the outbox."""

    def __init__(self, stores: MemoryStores) -> None:
        self._stores = stores
        self._transactions = MemoryTransactions(
            stores.users.rows,
            stores.api_keys.rows,
            stores.api_keys.hashes,
            stores.sessions.families,
            stores.sessions.tokens,
            stores.attempts.rows,
            stores.signing_keys.rows,
            stores.service_credentials.rows,
            source="auth",
        )

    @property
    def events(self) -> Sequence[Event]:
        return self._transactions.events

    @asynccontextmanager
    async def __call__(self, command: Command | None = None) -> AsyncIterator[MemoryAuthTransaction]:
        async with self._transactions.transaction(command) as transaction:
            yield MemoryAuthTransaction(self._stores, transaction, command)
