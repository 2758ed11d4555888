"""Which account a provider's word opens, with the role that its mapping names now; made at the first sign-in."""

from dataclasses import replace
from datetime import datetime

from fp_kernel import Clock, Error, FailedPrecondition, InvalidArgument, new_id
from fp_telemetry import get_logger

from fp_auth.app.account_access import check_not_last
from fp_auth.app.create_user import make_room
from fp_auth.app.end_sessions import end_every_key, end_every_session
from fp_auth.app.sign_in_ports import Identity, SignInTransaction, SignInTransactions
from fp_auth.domain.events import IdentityEnded, RoleKept, UserCreated
from fp_auth.domain.sign_in import IssuerPolicy, Rule, no_rule
from fp_auth.domain.users import (
    ADMINISTRATORS,
    DEFAULT_ROLE,
    OPERATOR_ROLE,
    User,
    holds_address,
    parse_email,
    parse_name,
)
from fp_auth.domain.withdrawals import USER, logins_before

_ACCESS_ENDED = "access_ended"
_log = get_logger(__name__)


class SettleAccount:
    def __init__(self, transactions: SignInTransactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(self, policy: IssuerPolicy, identity: Identity) -> User:
        """Raises PermissionDenied for who is in no group and for a suspended team, FailedPrecondition where the account
        cannot be the provider's, ResourceExhausted for the first sign-in to a team that is full.
        """
        rule = policy.rule_for(identity.claims)
        async with self._transactions() as tx:
            # Two first sign-ins of one person at once make one account.
            await tx.exclusive(f"identity:{policy.issuer}:{identity.subject}")
            outcome = await self._settle(tx, policy, identity, rule)
        # Raised only after the commit: a role that was taken away must not come back with the refusal.
        if isinstance(outcome, Error):
            raise outcome
        return outcome

    async def _settle(
        self, tx: SignInTransaction, policy: IssuerPolicy, identity: Identity, rule: Rule | None
    ) -> User | Error:
        now = self._clock.now()
        known = await tx.identities.find(policy.issuer, identity.subject)
        # Whose account was deleted is a new person, also when that happens at this moment.
        user, others = await _locked(tx, known.user_id) if known else (None, [])
        if rule is None or (user is not None and user.team != rule.team):
            if user is not None and user.active:
                await _end_access(tx, user, others, now)
            return no_rule(policy.title) if rule is None else _other_team(user, rule)
        if await tx.roles.find(rule.role, rule.team) is None:
            return FailedPrecondition(
                f"team {rule.team} has no role {rule.role}; ask an operator", reason="NO_SUCH_ROLE"
            )
        if user is None:
            older = await _with_address(tx, policy, identity)
            refusal = _refused(older, policy, rule) if older else None
            if refusal is not None:
                return refusal
            user, others = await _locked(tx, older.id) if older else (None, [])
        found = user or await _added(tx, policy, identity, rule, now)
        if isinstance(found, Error):
            return found
        await tx.identities.save(policy.issuer, identity.subject, found.id, now)
        return await _with_role(tx, found, others, rule.role, now)


async def _locked(tx: SignInTransaction, user_id: str) -> tuple[User | None, list[User]]:
    """The user, whom nobody changes or deletes meanwhile, None for a deleted one; and the other administrators, where
    he is one.
    """
    user = await tx.users.find(user_id)
    administers = user is not None and user.role in ADMINISTRATORS
    administrators = await tx.users.lock_administrators(user.team) if user and administers else []
    user = await tx.users.lock(user_id)
    if user is None or user.deleted:
        return None, []
    return user, [each for each in administrators if each.id != user_id]


async def _with_role(tx: SignInTransaction, user: User, others: list[User], role: str, now: datetime) -> User:
    """A mapping takes nobody the last admin of his team, nor the platform its last operator."""
    if user.role == role:
        return user
    try:
        check_not_last(user, others, role_after=role)
    except FailedPrecondition as last:
        _log.warning("the mapping would take the last one; the role stays", user_id=user.id, reason=last.reason)
        tx.outbox.add(RoleKept(user, role, now))
        return user
    await tx.users.set_role(user.id, role)
    return replace(user, role=role)


async def _end_access(tx: SignInTransaction, user: User, others: list[User], now: datetime) -> None:
    """The provider says that he does not belong here any more, so that nothing of his goes on."""
    await _with_role(tx, user, others, DEFAULT_ROLE, now)
    await end_every_key(tx, user, now, user.id)
    before = await end_every_session(tx, user.id, now, "ended")
    ended = await tx.withdrawals.add(logins_before(USER, user.id, before))
    tx.outbox.add(IdentityEnded(ended, user.team, _ACCESS_ENDED, before, user.id))


async def _with_address(tx: SignInTransaction, policy: IssuerPolicy, identity: Identity) -> User | None:
    email = _address(policy.email_of(identity.claims))
    return await tx.users.find_by_email(email) if email else None


async def _added(
    tx: SignInTransaction, policy: IssuerPolicy, identity: Identity, rule: Rule, now: datetime
) -> User | Error:
    """Raises PermissionDenied for a suspended team, ResourceExhausted for a full one."""
    user_id, email = new_id(), _address(policy.email_of(identity.claims))
    # An address that nobody verified is another person's, perhaps; one below .invalid is nobody's (RFC 2606).
    email = email or f"{user_id}@{policy.name}.invalid"
    user = User(
        id=user_id,
        email=email,
        name=_name(identity, email),
        team=rule.team,
        role=rule.role,
        created_at=now,
        password_hash="",  # there is no password, so that none is right
    )
    if not await tx.users.add(user):
        return _taken()
    await make_room(tx, user.team, now)
    tx.outbox.add(UserCreated(user, user.id))
    return user


def _refused(older: User, policy: IssuerPolicy, rule: Rule) -> Error | None:
    """Why the provider's word does not open the account with its address."""
    # A provider whose mapping does not name operators must not become one by an address.
    if not policy.links_email or (older.role == OPERATOR_ROLE and rule.role != OPERATOR_ROLE):
        return _taken()
    # Whoever made it with somebody else's address would go on knowing its password.
    if older.password_hash and not older.email_verified:
        return _taken()
    return None if older.team == rule.team else _other_team(older, rule)


def _address(email: str) -> str:
    """In its normal form; empty for what is none."""
    try:
        return parse_email(email) if email else ""
    except InvalidArgument:
        return ""


def _name(identity: Identity, email: str) -> str:
    for claim in ("name", "preferred_username", "nickname"):
        value = identity.claims.get(claim)
        try:
            if isinstance(value, str) and value.strip() and not holds_address(value):
                return parse_name(value, email)
        except InvalidArgument:
            continue
    return parse_name("", email)


def _taken() -> FailedPrecondition:
    return FailedPrecondition(
        "an account with your e-mail address exists, and the provider's word does not open it; ask an admin",
        reason="EMAIL_OF_ANOTHER_ACCOUNT",
    )


def _other_team(user: User | None, rule: Rule) -> FailedPrecondition:
    return FailedPrecondition(
        f"your account belongs to another team than {rule.team}, which the provider names now; ask an operator",
        reason="TEAM_CHANGED",
        metadata={"team": user.team} if user else None,
    )
