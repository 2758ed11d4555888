"""Invitations: made, listed and withdrawn by who administers the team."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from fp_kernel import (
    Clock,
    FailedPrecondition,
    NotFound,
    Page,
    PermissionDenied,
    Principal,
    ResourceExhausted,
    invalid,
    new_id,
    page_by_id,
    page_request_by_id,
    parse_id,
)
from fp_kernel.identity import PLATFORM

from fp_auth.app.account_ports import InvitationReads
from fp_auth.app.links import HOUR, Delivery, Letter, Links, Made, too_many
from fp_auth.app.mail_ports import MailTemplate
from fp_auth.app.ports import Transaction, Transactions
from fp_auth.app.refusals import address_taken, check_holds
from fp_auth.app.session import role_named
from fp_auth.domain import account_links, invitations
from fp_auth.domain.invitations import Invitation
from fp_auth.domain.team_roles import parse_assignable
from fp_auth.domain.users import DEFAULT_ROLE, OPERATOR_ROLE, parse_email, parse_team, typed_email

_PAGE = "accept-invitation"


@dataclass(frozen=True, slots=True, repr=False)
class Invited:
    invitation: Invitation
    delivery: Delivery


class CreateInvitation:
    def __init__(self, transactions: Transactions, links: Links, clock: Clock) -> None:
        self._transactions = transactions
        self._links = links
        self._clock = clock

    async def __call__(self, caller: Principal, *, email: str, role_name: str, team: str) -> Invited:
        """An earlier invitation of the address to the team is withdrawn. team: one that the caller may name.

        Raises InvalidArgument, AlreadyExists for an address that has an account, PermissionDenied for a role above the
        caller's own and for a suspended team, FailedPrecondition for operators outside their team, ResourceExhausted
        for a team that is full, or after too many invitations.
        """
        role_name, team = parse_assignable(role_name or DEFAULT_ROLE), parse_team(team)
        if role_name == OPERATOR_ROLE and team != PLATFORM:
            raise FailedPrecondition(
                f"role_name: operators are members of team {PLATFORM}", reason="OPERATOR_OUTSIDE_PLATFORM"
            )
        typed, email = typed_email(email), parse_email(email)
        async with self._transactions() as tx:
            now = self._clock.now()
            await _check_grants(tx, caller, role_name, team)
            await check_free(tx, typed, email)
            shown_team = await _check_room(tx, team, now)
            if await tx.invitations.count_since(email, now - HOUR) >= account_links.MOST_AN_HOUR:
                raise too_many("address")
            await tx.invitations.withdraw_earlier(team, email, now)
            invitation = Invitation(new_id(), team, email, role_name, caller.user_id, now, now + invitations.LIFE)
            made = await self._add(tx, invitation, shown_team)
        delivery = await self._links.deliver(made)
        if not delivery.mailed:
            async with self._transactions() as tx:
                await tx.invitations.show_link(invitation.id)
        return Invited(invitation, delivery)

    async def _add(self, tx: Transaction, invitation: Invitation, shown_team: str) -> Made:
        code = self._links.code()
        await tx.invitations.add(invitation, account_links.token_hash(code))
        inviter = await tx.users.find(invitation.invited_by)
        parameters = {"team": shown_team, "inviter": (inviter.name if inviter else "") or "An admin"}
        letter = Letter(invitation.email, MailTemplate.INVITATION, parameters, _PAGE, invitation.expires_at)
        return await self._links.post(tx, letter, code, invitation.created_at, at_once=True)


class WithdrawInvitation:
    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(self, caller: Principal, invitation_id: str, *, may_see: Callable[[str], bool]) -> None:
        """Twice is no error. Raises InvalidArgument, NotFound, PermissionDenied for a role above the caller's own,
        FailedPrecondition for one that was accepted.
        """
        invitation_id = parse_id(invitation_id, "invitation_id")
        async with self._transactions() as tx:
            found = await tx.invitations.lock(invitation_id)
            if found is None or not found.invited_by or not may_see(found.team):
                raise NotFound("invitation_id: no such invitation", reason="INVITATION_NOT_FOUND")
            if found.accepted_at is not None:
                raise FailedPrecondition("invitation_id: was accepted; disable the user", reason="INVITATION_USED")
            role = await tx.roles.find(found.role, found.team)
            check_holds(caller, role.scopes if role else (), "invitation_id")
            if found.withdrawn_at is None:
                await tx.invitations.withdraw(found.id, self._clock.now())


class InvitationQueries:
    def __init__(self, reads: InvitationReads, clock: Clock) -> None:
        self._reads = reads
        self._clock = clock

    async def pending(self, team: str, *, page_size: int, page_token: str) -> Page[Invitation]:
        """Those that can still be accepted. Raises InvalidArgument."""
        scope = ("invitations", team)
        request = page_request_by_id(page_size, page_token, scope=scope)
        return page_by_id(await self._reads.page(team, self._clock.now(), request), request, scope=scope)


async def check_free(tx: Transaction, typed: str, email: str) -> None:
    """Raises AlreadyExists for an address that has an account. typed: its form before there was a normal form."""
    for each in {typed, email}:
        if await tx.users.find_by_email(each) is not None:
            raise address_taken()


async def _check_grants(tx: Transaction, caller: Principal, role_name: str, team: str) -> None:
    """Nobody gives by a link what he could not give himself."""
    if await tx.roles.find(role_name, team) is None:
        raise invalid("role_name", "the team has no such role")
    check_holds(caller, (await role_named(tx.roles, role_name, team)).scopes, "role_name")


async def _check_room(tx: Transaction, team_id: str, now: datetime) -> str:
    """The name of the team for people. Looked at again when somebody accepts."""
    team = await tx.teams.find(team_id)
    if team is not None and team.suspended_at is not None:
        raise PermissionDenied("team: is suspended", reason="TEAM_SUSPENDED")
    if team is not None and team.limits.users:
        team.limits.check_users(await tx.teams.count_users(team_id))
    # So that two at once do not exceed the number together.
    await tx.exclusive(f"invitations:{team_id}")
    if await tx.invitations.count_pending(team_id, now, invitations.MOST_PENDING) >= invitations.MOST_PENDING:
        raise ResourceExhausted(
            f"a team has at most {invitations.MOST_PENDING} invitations that wait", reason="TOO_MANY_INVITATIONS"
        )
    return team.display_name if team else team_id
