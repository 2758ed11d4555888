"""Somebody who was invited makes his account."""

from dataclasses import replace
from datetime import datetime

from fp_kernel import Clock, FailedPrecondition, new_id

from fp_auth.app.account_ports import InvitationReads
from fp_auth.app.create_user import make_room
from fp_auth.app.end_sessions import ADMINISTER_USERS
from fp_auth.app.links import bad_link
from fp_auth.app.password_policy import PasswordPolicy
from fp_auth.app.ports import PasswordHasher, Transaction, Transactions
from fp_auth.app.refusals import address_taken
from fp_auth.app.register import registration_off
from fp_auth.app.session import role_named
from fp_auth.domain import account_links
from fp_auth.domain.events import UserCreated
from fp_auth.domain.invitations import Invitation
from fp_auth.domain.scopes import covers
from fp_auth.domain.users import Role, User, parse_name


class AcceptInvitation:
    def __init__(
        self,
        reads: InvitationReads,
        transactions: Transactions,
        policy: PasswordPolicy,
        hasher: PasswordHasher,
        clock: Clock,
        *,
        registration_team: str,
    ) -> None:
        """registration_team: of people who register themselves; empty where nobody does."""
        self._reads = reads
        self._policy = policy
        self._registration_team = registration_team
        self._transactions = transactions
        self._hasher = hasher
        self._clock = clock

    async def __call__(self, token: str, *, name: str, password: str) -> User:
        """Raises InvalidArgument for a link that is unknown and for name and password, FailedPrecondition for an
        invitation that is used, withdrawn or over and one whose inviter may not give the role any more,
        PermissionDenied for a suspended team, ResourceExhausted for a full one, AlreadyExists when the address has got
        an account meanwhile.
        """
        digest = account_links.token_hash(token)
        # Before what costs: nobody without a link keeps the processor busy.
        invitation = _open(await self._reads.find_by_token(digest), self._clock.now())
        name = parse_name(name, invitation.email)
        self._policy.check(password, email=invitation.email, name=name, team=invitation.team)
        hashed = await self._hasher.hash(password)
        async with self._transactions() as tx:
            now = self._clock.now()
            invitation = _open(await tx.invitations.lock_by_token(digest), now)
            await self._check(tx, invitation)
            user = User(
                id=new_id(),
                email=invitation.email,
                name=name,
                team=invitation.team,
                role=invitation.role,
                created_at=now,
                password_hash=hashed,
            )
            if not await tx.users.add(user):
                raise address_taken()
            await make_room(tx, user.team, now)
            if not invitation.link_shown:
                await tx.users.set_email_verified(user.id, now)
            await tx.invitations.accept(invitation.id, now)
            tx.outbox.add(UserCreated(user, invitation.invited_by or user.id))
        return replace(user, email_verified=not invitation.link_shown)

    async def _check(self, tx: Transaction, invitation: Invitation) -> None:
        if invitation.invited_by:
            await _check_inviter(tx, invitation)
        elif invitation.team != self._registration_team:
            # The setting was changed since.
            raise registration_off()


def _open(found: Invitation | None, now: datetime) -> Invitation:
    if found is None:
        raise bad_link()
    found.check_open(now)
    return found


async def _check_inviter(tx: Transaction, invitation: Invitation) -> None:
    """A link of an admin who was disabled or demoted lets nobody in."""
    role = await tx.roles.find(invitation.role, invitation.team)
    if role is None:
        raise FailedPrecondition(
            "the team has no such role any more; ask for a new invitation", reason="ROLE_NOT_FOUND"
        )
    held = await _scopes_of(tx, invitation)
    if not all(covers(held, scope) for scope in (ADMINISTER_USERS, *role.scopes)):
        raise FailedPrecondition(
            "who invited you may not do so any more; ask for a new invitation", reason="INVITER_LOST_ACCESS"
        )


async def _scopes_of(tx: Transaction, invitation: Invitation) -> frozenset[str]:
    """Of who invited; none for who is gone or shut out."""
    inviter = await tx.users.hold(invitation.invited_by)
    if inviter is not None:
        role: Role = await role_named(tx.roles, inviter.role, inviter.team)
        return role.scopes if inviter.active else frozenset()
    account = await tx.service_accounts.lock(invitation.team, invitation.invited_by)
    return account.scopes if account is not None and account.disabled_at is None else frozenset()
