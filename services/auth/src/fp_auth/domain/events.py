"""The events of auth."""

from dataclasses import dataclass
from datetime import datetime

from fp_auth.domain.api_keys import ApiKey
from fp_auth.domain.users import User
from fp_auth.domain.withdrawals import Withdrawal


@dataclass(frozen=True, slots=True)
class UserCreated:
    """actor: who created the user."""

    user: User
    actor: str


@dataclass(frozen=True, slots=True)
class ApiKeyIssued:
    """A key came into being, in place of `replaced_key_id` or, when that is empty, as a first issue."""

    key: ApiKey
    replaced_key_id: str
    actor: str


@dataclass(frozen=True, slots=True)
class ApiKeyRevoked:
    key: ApiKey
    revoked_at: datetime
    actor: str


@dataclass(frozen=True, slots=True)
class IdentityEnded:
    """team: whose it is; empty for what belongs to the platform. reason: one word, for example `disabled`."""

    withdrawal: Withdrawal
    team: str
    reason: str
    ended_at: datetime
    actor: str


@dataclass(frozen=True, slots=True)
class IdentityRestored:
    withdrawal: Withdrawal
    team: str
    restored_at: datetime
    actor: str


@dataclass(frozen=True, slots=True)
class RoleKept:
    """A provider's mapping names `wanted` for the last admin of a team or the last operator, who keeps his role."""

    user: User
    wanted: str
    at: datetime


DomainEvent = UserCreated | ApiKeyIssued | ApiKeyRevoked | IdentityEnded | IdentityRestored | RoleKept
