"""A new API key; its raw form is shown once."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fp_kernel import Clock, Command, FieldViolation, PermissionDenied, Principal, invalid, new_id
from fp_kernel.identity import NO_LIMITS, KeyLimits

from fp_auth.app.access import lock_own_key, owner_named
from fp_auth.app.ports import Random, Roles, Transaction, Transactions, Users
from fp_auth.app.session import role_named
from fp_auth.domain import api_keys
from fp_auth.domain.api_keys import ApiKey
from fp_auth.domain.events import ApiKeyIssued
from fp_auth.domain.scopes import covers, parse_scopes
from fp_auth.domain.users import Role


@dataclass(frozen=True, slots=True, repr=False)
class IssuedKey:
    key: ApiKey
    raw_key: str


class CreateApiKey:
    def __init__(
        self,
        users: Users,
        roles: Roles,
        transactions: Transactions,
        random: Random,
        clock: Clock,
        *,
        longest: timedelta | None = None,
    ) -> None:
        self._users = users
        self._roles = roles
        self._transactions = transactions
        self._random = random
        self._clock = clock
        self._longest = longest

    async def __call__(
        self,
        caller: Principal,
        *,
        user_id: str,
        scopes: Sequence[str],
        expires_at: datetime | None,
        name: str,
        limits: KeyLimits = NO_LIMITS,
        command: Command | None = None,
    ) -> IssuedKey:
        """Raises InvalidArgument, PermissionDenied, NotFound."""
        owner = await owner_named(self._users, caller, user_id)
        wanted, now = parse_scopes(scopes), self._clock.now()
        check_granted(scopes, caller, await role_named(self._roles, owner.role, owner.team))
        ends = within(caller, api_keys.key_end(expires_at, now, self._longest))
        raw = api_keys.raw_key(self._random(api_keys.ENTROPY_BYTES))
        key = ApiKey(
            id=new_id(),
            team=owner.team,
            user_id=owner.id,
            name=api_keys.parse_key_name(name),
            prefix=api_keys.shown_prefix(raw),
            scopes=wanted,
            created_at=now,
            expires_at=ends,
            created_by_key=caller.api_key_id,
            limits=api_keys.limits_within(caller.key_limits, limits),
        )
        async with self._transactions(command) as tx:
            await lock_own_key(tx.api_keys, caller)
            await _make_room(tx, key.team, now)
            await tx.api_keys.add(key, api_keys.key_hash(raw), caller.user_id)
            tx.outbox.add(ApiKeyIssued(key, replaced_key_id="", actor=caller.user_id))
            issued = IssuedKey(key, raw)
            await tx.complete(issued)
        return issued


async def _make_room(tx: Transaction, team_id: str, now: datetime) -> None:
    """Raises ResourceExhausted when the team has as many keys as it may."""
    team = await tx.teams.find(team_id)
    if team is not None and team.limits.keys:
        # Locked, so that two at once do not both take the last place.
        await tx.teams.lock(team_id)
        team.limits.check_keys(await tx.teams.count_keys(team_id, now))


def check_granted(scopes: Sequence[str], caller: Principal, owner_role: Role) -> None:
    """Nobody hands out what he does not have, and no key has more than its owner's role.

    Raises PermissionDenied naming the element of `scopes`.
    """
    for index, scope in enumerate(scopes):
        if caller.may(scope) and covers(owner_role.scopes, scope):
            continue
        field = f"scopes[{index}]"
        whose = f"role {owner_role.name}" if caller.may(scope) else "you"
        raise PermissionDenied(
            f"{field}: {scope} is more than {whose} may do",
            reason="SCOPE_NOT_GRANTED",
            fields=(FieldViolation(field, "is not granted"),),
        )


def within(caller: Principal, expires_at: datetime | None) -> datetime | None:
    """A key made with a key that ends may not outlive it. Raises InvalidArgument naming `expires_at`."""
    end = own_end(caller)
    if end is not None and expires_at is not None and expires_at > end:
        raise invalid("expires_at", "must not be later than the end of the key that you use")
    return expires_at or end


def own_end(caller: Principal) -> datetime | None:
    """The end of the API key that the caller uses; None for a person and for a key without end."""
    if not caller.api_key_id or math.isinf(caller.expires_at):
        return None
    return datetime.fromtimestamp(caller.expires_at, UTC)
