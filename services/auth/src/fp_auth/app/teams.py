"""Teams: made, renamed, limited, suspended and resumed by the operator."""

from dataclasses import dataclass, replace

from fp_kernel import (
    AlreadyExists,
    Clock,
    Command,
    FailedPrecondition,
    FieldViolation,
    NotFound,
    Page,
    Principal,
    page_by_id,
    page_request,
)
from fp_kernel.identity import PLATFORM
from fp_kernel.revisions import check_revision

from fp_auth.app.account_ports import Teams
from fp_auth.app.ports import Transaction, Transactions
from fp_auth.domain.events import IdentityEnded, IdentityRestored
from fp_auth.domain.teams import Limits, Team, parse_display_name
from fp_auth.domain.users import parse_team
from fp_auth.domain.withdrawals import TEAM, everything, logins_before

_SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class TeamChange:
    """None leaves what is there."""

    display_name: str | None = None
    limits: Limits | None = None


class CreateTeam:
    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(
        self, team_id: str, display_name: str, limits: Limits, *, command: Command | None = None
    ) -> Team:
        """Raises InvalidArgument, AlreadyExists."""
        team = Team(parse_team(team_id, "id"), parse_display_name(display_name, team_id), self._clock.now())
        team = replace(team, limits=limits)
        async with self._transactions(command) as tx:
            if not await tx.teams.add(team):
                raise AlreadyExists(
                    "id: a team of this id exists", reason="TEAM_TAKEN", fields=(FieldViolation("id", "is taken"),)
                )
            await tx.complete(team)
        return team


class UpdateTeam:
    """A limit below what is there takes nothing away; it lets nothing more in."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def __call__(
        self,
        caller: Principal,
        team_id: str,
        change: TeamChange,
        *,
        expected: int | None = None,
        command: Command | None = None,
    ) -> Team:
        """Raises InvalidArgument, NotFound, Aborted when the team has another revision than the expected one."""
        async with self._transactions(command) as tx:
            team = await _locked(tx, team_id)
            check_revision(expected, team.revision, changed_by=team.changed_by)
            team = team.changed(caller.user_id)
            if change.display_name is not None:
                team = replace(team, display_name=parse_display_name(change.display_name, team.id))
            if change.limits is not None:
                team = replace(team, limits=change.limits)
            await tx.teams.save(team)
            await tx.complete(team)
        return team


class SuspendTeam:
    """The tokens, keys, jobs and streams of everybody in the team end with the event; nothing is deleted."""

    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(self, caller: Principal, team_id: str, *, command: Command | None = None) -> Team:
        """Suspending twice is no error and publishes one event.

        Raises InvalidArgument, NotFound, FailedPrecondition for the team of the operators, who alone could resume it.
        """
        if team_id == PLATFORM:
            raise FailedPrecondition("id: the operators' own team is not suspended", reason="PLATFORM_TEAM")
        async with self._transactions(command) as tx:
            team = await _locked(tx, team_id)
            if team.suspended_at is None:
                now = self._clock.now()
                team = team.suspended(now, caller.user_id)
                await tx.teams.save(team)
                ended = await tx.withdrawals.add(everything(TEAM, team.id, now))
                tx.outbox.add(IdentityEnded(ended, team.id, _SUSPENDED, now, caller.user_id))
            await tx.complete(team)
        return team


class ResumeTeam:
    """Keys and sessions are good again; access tokens of before are not, and are renewed."""

    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(self, caller: Principal, team_id: str, *, command: Command | None = None) -> Team:
        """Raises InvalidArgument, NotFound."""
        async with self._transactions(command) as tx:
            team = await _locked(tx, team_id)
            if team.suspended_at is not None:
                now = self._clock.now()
                team = team.resumed(caller.user_id)
                await tx.teams.save(team)
                restored = await tx.withdrawals.add(logins_before(TEAM, team.id, now))
                tx.outbox.add(IdentityRestored(restored, team.id, now, caller.user_id))
            await tx.complete(team)
        return team


class TeamQueries:
    def __init__(self, teams: Teams) -> None:
        self._teams = teams

    async def team(self, team_id: str) -> Team:
        """Raises NotFound."""
        return _found(await self._teams.find(team_id))

    async def teams(self, *, page_size: int, page_token: str) -> Page[Team]:
        """Raises InvalidArgument."""
        scope = ("teams",)
        request = page_request(page_size, page_token, scope=scope)
        return page_by_id(await self._teams.page(request), request, scope=scope)


async def _locked(tx: Transaction, team_id: str) -> Team:
    return _found(await tx.teams.lock(parse_team(team_id, "id")))


def _found(team: Team | None) -> Team:
    if team is None:
        raise NotFound("id: no such team", reason="TEAM_NOT_FOUND")
    return team
