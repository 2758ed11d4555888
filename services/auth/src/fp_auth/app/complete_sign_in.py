"""The end of a sign-in at a provider: its answer for a session; the account is made at the first one."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from fp_kernel import Clock, Error, FailedPrecondition, InvalidArgument, Unauthenticated, new_id

from fp_auth.app.begin_sign_in import SEALED_AS, KnownProvider, provider_named
from fp_auth.app.session import OpenSession, Session
from fp_auth.app.sign_in_ports import Identity, SignInTransaction, SignInTransactions
from fp_auth.domain.events import UserCreated
from fp_auth.domain.sign_in import Flow, IssuerPolicy, Rule, check_answer, no_rule, read_flow
from fp_auth.domain.users import DEFAULT_ROLE, OPERATOR_ROLE, User, parse_email, parse_name

Unseal = Callable[[str, str], bytes]
"""Text and name -> data. Raises Unauthenticated for what was not sealed here."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The parameters by which the provider answers."""

    state: str
    code: str
    issuer: str
    error: str


class CompleteSignIn:
    def __init__(
        self,
        providers: Mapping[str, KnownProvider],
        unseal: Unseal,
        transactions: SignInTransactions,
        open_session: OpenSession,
        clock: Clock,
    ) -> None:
        self._providers = providers
        self._unseal = unseal
        self._transactions = transactions
        self._open_session = open_session
        self._clock = clock

    async def __call__(self, sealed_flow: str, answer: Answer) -> tuple[Session, str]:
        """The session, and the page to which BeginSignIn was asked to return.

        Raises Unauthenticated for an answer that proves nothing, PermissionDenied for who is in no group,
        FailedPrecondition where the account cannot be the provider's, Unavailable while the provider is away.
        """
        flow = read_flow(self._unseal(sealed_flow, SEALED_AS))
        check_answer(flow, state=answer.state, now=self._clock.now())
        known = provider_named(self._providers, flow.name)
        await known.provider.check_sender(answer.issuer)
        if answer.error or not answer.code:
            raise Unauthenticated(f"{known.policy.title} did not let you in", reason="PROVIDER_REFUSED")
        await self._spend(flow)
        identity = await known.provider.identity(flow, answer.code, self._clock.now())
        user = await self._account(known.policy, identity)
        return await self._open_session(user, ends=self._clock.now() + known.policy.longest), flow.return_to

    async def _spend(self, flow: Flow) -> None:
        """Before the code is shown to anybody, so that of two answers to one question only one is looked at."""
        digest = hashlib.sha256(f"flow:{flow.state}".encode()).digest()
        async with self._transactions() as tx:
            if not await tx.spent_tokens.spend(digest, datetime.fromtimestamp(flow.ends, UTC)):
                raise Unauthenticated("this sign-in was completed before; begin again", reason="CODE_REPLAYED")

    async def _account(self, policy: IssuerPolicy, identity: Identity) -> User:
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
        user = await tx.users.find(known.user_id) if known else None
        if rule is None or (user is not None and user.team != rule.team):
            if user is not None and user.role != DEFAULT_ROLE:
                await tx.users.set_role(user.id, DEFAULT_ROLE)
            return no_rule(policy.title) if rule is None else _other_team(user, rule)
        if await tx.roles.find(rule.role, rule.team) is None:
            return FailedPrecondition(
                f"team {rule.team} has no role {rule.role}; ask an operator", reason="NO_SUCH_ROLE"
            )
        found = user or await self._first(tx, policy, identity, rule)
        if isinstance(found, Error):
            return found
        await tx.identities.save(policy.issuer, identity.subject, found.id, now)
        if found.role != rule.role:
            await tx.users.set_role(found.id, rule.role)
        return replace(found, role=rule.role)

    async def _first(self, tx: SignInTransaction, policy: IssuerPolicy, identity: Identity, rule: Rule) -> User | Error:
        """The account of a person who was not here before: one that is joined by its address, or a new one."""
        email = _address(policy.email_of(identity.claims))
        older = await tx.users.find_by_email(email) if email else None
        if older is not None:
            return _joined(older, policy, rule)
        user_id = new_id()
        # An address that nobody verified is another person's, perhaps; one below .invalid is nobody's (RFC 2606).
        email = email or f"{user_id}@{policy.name}.invalid"
        user = User(
            id=user_id,
            email=email,
            name=_name(identity, email),
            team=rule.team,
            role=rule.role,
            created_at=self._clock.now(),
            password_hash="",  # there is no password, so that none is right
        )
        if not await tx.users.add(user):
            return _taken()
        tx.outbox.add(UserCreated(user, user.id))
        return user


def _joined(older: User, policy: IssuerPolicy, rule: Rule) -> User | Error:
    # A provider whose mapping does not name operators must not become one by an address.
    if not policy.links_email or (older.role == OPERATOR_ROLE and rule.role != OPERATOR_ROLE):
        return _taken()
    return older if older.team == rule.team else _other_team(older, rule)


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
            if isinstance(value, str) and value.strip():
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
