"""Ports of auth's use-cases."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from fp_kernel import Command, PageRequest

from fp_auth.app.account_ports import AccountLinks, Invitations, Sessions, Teams, Withdrawals
from fp_auth.app.mail_ports import MailRequests
from fp_auth.app.second_factor_ports import SecondFactors
from fp_auth.domain.api_keys import ApiKey
from fp_auth.domain.claims import Claims
from fp_auth.domain.events import DomainEvent
from fp_auth.domain.lockout import Bucket
from fp_auth.domain.service_accounts import ServiceAccount
from fp_auth.domain.signing import KeyLife
from fp_auth.domain.users import Role, User


class Users(Protocol):
    async def find(self, user_id: str) -> User | None: ...

    async def find_by_email(self, email: str) -> User | None: ...

    async def operator_exists(self) -> bool: ...

    async def add(self, user: User) -> bool:
        """False when the e-mail address is taken."""
        ...

    async def lock(self, user_id: str) -> User | None:
        """The user, whom nobody else changes, nor lets in, until the transaction ends."""
        ...

    async def hold(self, user_id: str) -> User | None:
        """The user, whom nobody changes until the transaction ends; others may hold him too."""
        ...

    async def set_role(self, user_id: str, role: str) -> None: ...

    async def set_name(self, user_id: str, name: str) -> None: ...

    async def set_password_hash(self, user_id: str, password_hash: str) -> None: ...

    async def renew_password_hash(self, user_id: str, known: str, password_hash: str) -> None:
        """Another hash of the same password; nothing when the password was changed meanwhile."""
        ...

    async def set_disabled(self, user_id: str, at: datetime | None) -> None: ...

    async def set_email_verified(self, user_id: str, at: datetime) -> None: ...

    async def erase(self, user_id: str, now: datetime) -> None:
        """Deletes what is known of the person; the id, the team and the role stay."""
        ...

    async def lock_administrators(self, team: str) -> Sequence[User]:
        """The active admins of the team and every active operator; none of them changes until the transaction ends."""
        ...

    async def page(self, team: str, page: PageRequest) -> Sequence[User]:
        """In order of creation, one more than the page's size when there is a next page."""
        ...


class Roles(Protocol):
    async def find(self, name: str, team: str = "") -> Role | None:
        """A role of the platform, or of the team."""
        ...


class JobExecutions(Protocol):
    async def issue(self, execution_id: str, team: str, until: datetime) -> bool:
        """Note a token of a job. False for an execution that has ended or is another team's."""
        ...

    async def end(self, execution_id: str, team: str, now: datetime) -> bool:
        """Whether tokens were out until now."""
        ...

    async def prune(self, now: datetime, limit: int) -> int:
        """Delete those whose tokens have all ended; how many."""
        ...


class LockedServiceAccounts(Protocol):
    async def lock(self, team: str, account_id: str) -> ServiceAccount | None:
        """None for a deleted one."""
        ...


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """A key with its owner and the owner's role as they are now."""

    key: ApiKey
    user: User
    role: Role


class ApiKeys(Protocol):
    async def add(self, key: ApiKey, key_hash: bytes, created_by: str) -> None: ...

    async def find_by_hash(self, key_hash: bytes) -> KeyHolder | None: ...

    async def lock(self, team: str, key_id: str) -> ApiKey | None:
        """The key, which nobody else changes until the transaction ends."""
        ...

    async def lock_made_by(self, key_id: str) -> Sequence[ApiKey]:
        """The keys that were made with this one, with those and so on, as far as they are not revoked."""
        ...

    async def lock_living(self, team: str, user_id: str) -> Sequence[ApiKey]:
        """The keys of a user that are not revoked, and those that were made with them."""
        ...

    async def save(self, key: ApiKey) -> None: ...

    async def touch(self, key_id: str, minute: datetime) -> None:
        """Note the last use; times only move forward."""
        ...

    async def page(self, team: str, user_id: str, page: PageRequest, *, include_revoked: bool) -> Sequence[ApiKey]:
        """In order of creation, one more than the page's size when there is a next page."""
        ...


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """What failed logins are counted for.

    kind: `pair`, an account and an address; `address`; `code`, the second factor of an account. key: a digest of the
    pair or of the account, or the address.
    """

    kind: str
    key: bytes


class LoginAttempts(Protocol):
    async def lock(self, subjects: Sequence[Subject]) -> Mapping[Subject, Bucket]:
        """What is known of each; two transactions with the same subject follow one another."""
        ...

    async def save(self, subject: Subject, bucket: Bucket) -> None: ...

    async def forget(self, subject: Subject) -> None: ...

    async def prune(self, now: datetime, limit: int) -> int:
        """Delete buckets that are empty; how many."""
        ...


@dataclass(frozen=True, slots=True)
class SigningKey:
    """public_jwk: JSON as published. sealed: the private key, encrypted."""

    life: KeyLife
    public_jwk: str
    sealed: bytes


class SigningKeys(Protocol):
    async def all(self) -> Sequence[SigningKey]: ...

    async def add(self, key: SigningKey) -> None: ...

    async def promote(self, kid: str, now: datetime) -> None: ...

    async def retire(self, kid: str, now: datetime) -> None: ...

    async def drop(self, kids: Sequence[str]) -> None: ...


class ServiceCredentials(Protocol):
    async def hashes(self, service: str, now: datetime) -> Sequence[bytes]: ...

    async def replace(self, credentials: Sequence[tuple[str, bytes]], now: datetime) -> None:
        """These are the ones from now on; others end after their overlap."""
        ...


class Outbox(Protocol):
    def add(self, event: DomainEvent) -> None:
        """Publish the event, if and only if the transaction commits."""
        ...


class Transaction(Protocol):
    """The stores within one change: all of it happens or nothing."""

    @property
    def users(self) -> Users: ...
    @property
    def roles(self) -> Roles: ...
    @property
    def api_keys(self) -> ApiKeys: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def attempts(self) -> LoginAttempts: ...
    @property
    def signing_keys(self) -> SigningKeys: ...
    @property
    def service_credentials(self) -> ServiceCredentials: ...
    @property
    def withdrawals(self) -> Withdrawals: ...
    @property
    def job_executions(self) -> JobExecutions: ...
    @property
    def service_accounts(self) -> LockedServiceAccounts: ...
    @property
    def teams(self) -> Teams: ...
    @property
    def account_links(self) -> AccountLinks: ...
    @property
    def invitations(self) -> Invitations: ...
    @property
    def mail_requests(self) -> MailRequests: ...
    @property
    def second_factors(self) -> SecondFactors: ...
    @property
    def outbox(self) -> Outbox: ...

    async def exclusive(self, name: str) -> None:
        """Wait until no other transaction, also of another replica, is in the section of this name."""
        ...

    async def complete(self, result: Any) -> None:
        """Store the result of the command with its change, so that a repeated one is answered the same."""
        ...


class Transactions(Protocol):
    def __call__(self, command: Command | None = None) -> AbstractAsyncContextManager[Transaction]:
        """One transaction. A command done before raises Replayed."""
        ...


class PasswordHasher(Protocol):
    async def hash(self, password: str) -> str: ...

    async def verify(self, password_hash: str | None, password: str, *, whose: str = "") -> bool:
        """Takes as long for an unknown user (None) as for a known one.

        whose: address that asks; those of one address wait for each other, and not much for those of another.
        Raises ResourceExhausted when too many wait.
        """
        ...

    def outdated(self, password_hash: str) -> bool:
        """Whether the hash was made with weaker parameters than those of now."""
        ...


class TokenSigner(Protocol):
    def sign(self, claims: Claims) -> str: ...


class TokenVerifier(Protocol):
    async def verify(self, token: str) -> Claims:
        """Raises Unauthenticated."""
        ...


class KeyFactory(Protocol):
    async def make(self, now: datetime) -> SigningKey: ...


class Random(Protocol):
    def __call__(self, size: int, /) -> bytes: ...


class Sealer(Protocol):
    """Encryption at rest; name: what the data belongs to."""

    def seal(self, data: bytes, name: str) -> bytes: ...

    def open(self, sealed: bytes, name: str) -> bytes: ...


class Fingerprint(Protocol):
    def __call__(self, data: bytes, /) -> bytes:
        """A digest that nobody can check guesses against without the service's key."""
        ...
