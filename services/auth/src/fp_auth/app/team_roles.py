"""Create, change, delete and list a team's own roles."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any, Protocol

from fp_kernel import (
    AlreadyExists,
    Clock,
    Command,
    FailedPrecondition,
    FieldViolation,
    NotFound,
    Principal,
    ResourceExhausted,
)
from fp_kernel.revisions import check_revision, first_revision

from fp_auth.app.account_ports import Withdrawals
from fp_auth.app.ports import Outbox
from fp_auth.app.refusals import check_holds
from fp_auth.domain.events import IdentityEnded
from fp_auth.domain.scopes import covers, parse_scopes
from fp_auth.domain.service_accounts import parse_description
from fp_auth.domain.team_roles import MAX_ROLES, TeamRole, parse_team_role
from fp_auth.domain.withdrawals import USER, logins_before

# Holders whose tokens end at once; what is beyond ends with its token's life, 15 minutes.
_MOST_HOLDERS = 10_000


class TeamRoles(Protocol):
    async def add(self, role: TeamRole) -> bool:
        """False when the team has one of this name."""
        ...

    async def lock(self, team: str, name: str) -> TeamRole | None:
        """The role, which nobody else changes, deletes or assigns until the transaction ends."""
        ...

    async def save(self, role: TeamRole) -> None: ...

    async def delete(self, role: TeamRole) -> None: ...

    async def holders(self, team: str, name: str, limit: int) -> Sequence[str]:
        """Ids of the people who have it, disabled ones too."""
        ...

    async def active_holders(self, team: str, name: str, limit: int) -> Sequence[str]:
        """Ids of those of them who may log in."""
        ...

    async def all(self, team: str) -> Sequence[TeamRole]:
        """The built-in ones that people may have, then the team's own by name."""
        ...


class TeamRoleTransaction(Protocol):
    @property
    def team_roles(self) -> TeamRoles: ...
    @property
    def withdrawals(self) -> Withdrawals: ...
    @property
    def outbox(self) -> Outbox: ...

    async def exclusive(self, name: str) -> None: ...

    async def complete(self, result: Any) -> None: ...


class TeamRoleTransactions(Protocol):
    def __call__(self, command: Command | None = None) -> AbstractAsyncContextManager[TeamRoleTransaction]: ...


class CreateTeamRole:
    def __init__(self, transactions: TeamRoleTransactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(
        self, caller: Principal, *, name: str, description: str, scopes: Sequence[str], command: Command | None = None
    ) -> TeamRole:
        """Raises InvalidArgument, AlreadyExists, ResourceExhausted, PermissionDenied for a scope that he lacks."""
        now = self._clock.now()
        role = TeamRole(
            team=caller.team,
            name=parse_team_role(name),
            description=parse_description(description),
            scopes=parse_scopes(scopes),
            created_by=caller.user_id,
            created_at=now,
            revision=first_revision(now),
        )
        check_holds(caller, role.scopes, "scopes")
        async with self._transactions(command) as tx:
            # So that two at once do not exceed the number together.
            await tx.exclusive(f"roles:{role.team}")
            if sum(not each.built_in for each in await tx.team_roles.all(role.team)) >= MAX_ROLES:
                raise ResourceExhausted(f"a team has at most {MAX_ROLES} roles of its own", reason="TOO_MANY_ROLES")
            if not await tx.team_roles.add(role):
                raise AlreadyExists(
                    f"name: the team has a role '{role.name}'",
                    reason="ROLE_EXISTS",
                    fields=(FieldViolation("name", "is taken"),),
                )
            await tx.complete(role)
        return role


class ChangeTeamRole:
    """What a role loses ends at once: the tokens of its holders must be refreshed. Their API keys follow within 30
    seconds.
    """

    def __init__(self, transactions: TeamRoleTransactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(
        self,
        caller: Principal,
        *,
        name: str,
        description: str,
        scopes: Sequence[str],
        expected: int | None = None,
        command: Command | None = None,
    ) -> TeamRole:
        """Raises InvalidArgument, NotFound, PermissionDenied for scopes, old or new, that the caller does not have, and
        Aborted when the role has another revision than the expected one.
        """
        name, wanted, description = parse_team_role(name), parse_scopes(scopes), parse_description(description)
        async with self._transactions(command) as tx:
            role = await _locked(tx, caller, name)
            check_holds(caller, role.scopes | wanted, "scopes")
            check_revision(expected, role.revision, changed_by=role.changed_by or role.created_by)
            changed = replace(
                role,
                description=description,
                scopes=wanted,
                revision=role.revision + 1,
                changed_by=caller.user_id,
            )
            await tx.team_roles.save(changed)
            if not all(covers(wanted, scope) for scope in role.scopes):
                await self._end_tokens(tx, role, caller)
            await tx.complete(changed)
        return changed

    async def _end_tokens(self, tx: TeamRoleTransaction, role: TeamRole, caller: Principal) -> None:
        now = self._clock.now()
        for user_id in await tx.team_roles.active_holders(role.team, role.name, _MOST_HOLDERS):
            ended = await tx.withdrawals.add(logins_before(USER, user_id, now))
            tx.outbox.add(IdentityEnded(ended, role.team, "narrowed", now, caller.user_id))


class DeleteTeamRole:
    def __init__(self, transactions: TeamRoleTransactions) -> None:
        self._transactions = transactions

    async def __call__(
        self, caller: Principal, name: str, *, expected: int | None = None, command: Command | None = None
    ) -> None:
        """Raises InvalidArgument, NotFound, PermissionDenied, FailedPrecondition while somebody has it, Aborted when it
        has another revision than the expected one.
        """
        name = parse_team_role(name)
        async with self._transactions(command) as tx:
            role = await _locked(tx, caller, name)
            check_holds(caller, role.scopes, "name")
            check_revision(expected, role.revision, changed_by=role.changed_by or role.created_by)
            if await tx.team_roles.holders(role.team, role.name, 1):
                raise FailedPrecondition(
                    f"name: somebody has the role '{name}'; assign another one first", reason="ROLE_IN_USE"
                )
            await tx.team_roles.delete(role)
            await tx.complete(None)


class ListTeamRoles:
    def __init__(self, team_roles: TeamRoles) -> None:
        self._team_roles = team_roles

    async def __call__(self, caller: Principal) -> Sequence[TeamRole]:
        return await self._team_roles.all(caller.team)


async def _locked(tx: TeamRoleTransaction, caller: Principal, name: str) -> TeamRole:
    role = await tx.team_roles.lock(caller.team, name)
    if role is None:
        raise NotFound("name: the team has no such role", reason="ROLE_NOT_FOUND")
    return role
