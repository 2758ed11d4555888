"""A session: an access token for minutes, a refresh token for days."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from fp_kernel import Clock, Internal, PermissionDenied, new_id

from fp_auth.app.account_ports import Sessions as SessionStore
from fp_auth.app.ports import Random, Roles, TokenSigner, Transaction, Transactions
from fp_auth.domain import claims, sessions
from fp_auth.domain.sessions import POLICY, SessionPolicy
from fp_auth.domain.users import Role, User


@dataclass(frozen=True, slots=True, repr=False)
class Session:
    user: User
    access_token: str
    expires_at: datetime
    refresh_token: str
    refresh_expires_at: datetime


@dataclass(frozen=True, slots=True)
class Family:
    """ends: by age, whatever its use."""

    id: str
    started: datetime
    ends: datetime


async def role_named(roles: Roles, name: str, team: str = "") -> Role:
    """team: whose own roles are meant as well."""
    role = await roles.find(name, team)
    if role is None:
        raise Internal(f"role {name} is not seeded")
    return role


class IssueTokens:
    """The two tokens of a session, both new."""

    def __init__(self, signer: TokenSigner, random: Random, policy: SessionPolicy = POLICY) -> None:
        self._signer = signer
        self._random = random
        self._policy = policy

    @property
    def grace(self) -> timedelta:
        return self._policy.grace

    @property
    def longest(self) -> timedelta:
        """How long a family lives, whatever its use."""
        return self._policy.longest

    async def __call__(  # the facts of one token
        self,
        store: SessionStore,
        user: User,
        role: Role,
        family: Family,
        *,
        now: datetime,
        predecessor: bytes | None = None,
    ) -> Session:
        """Adds the refresh token to its family. predecessor: the one that it replaces, as it is stored."""
        refresh = sessions.raw_token(self._random(sessions.ENTROPY_BYTES))
        refresh_ends = self._policy.token_ends(family.started, family.ends, now)
        digest = sessions.token_hash(refresh)
        await store.add_token(family.id, digest, now, refresh_ends, predecessor=predecessor)
        said = claims.of_user(user, role, now=now, life=self._policy.access, token_id=new_id(), session_id=family.id)
        access = self._signer.sign(said)
        return Session(user, access, now + self._policy.access, refresh, refresh_ends)


class OpenSession:
    def __init__(self, transactions: Transactions, issue: IssueTokens, clock: Clock) -> None:
        self._transactions = transactions
        self._issue = issue
        self._clock = clock

    async def __call__(self, user: User, *, ends: datetime | None = None, address: str = "") -> Session:
        """A new family with its first tokens. ends: where it lives shorter than the policy says.

        address: of the client, as text; empty when nobody knows. Raises PermissionDenied for who may not come in.
        """
        async with self._transactions() as tx:
            return await self.within(tx, await admitted(tx, user.id), ends=ends, address=address)

    async def within(self, tx: Transaction, user: User, *, ends: datetime | None = None, address: str = "") -> Session:
        """In the transaction in which the user was admitted."""
        role, now = await role_named(tx.roles, user.role, user.team), self._clock.now()
        longest = now + self._issue.longest
        family = Family(new_id(), now, min(longest, ends or longest))
        await tx.sessions.start(family.id, user.id, now, family.ends, address=address)
        return await self._issue(tx.sessions, user, role, family, now=now)


async def admitted(tx: Transaction, user_id: str) -> User:
    """The user as he is now; neither he nor his team can be shut out until the transaction ends.

    Without the lock a login that was under way while its user was disabled went on after it.
    Raises PermissionDenied for who may not come in.
    """
    user = await tx.users.hold(user_id)
    if user is None or user.deleted:
        raise PermissionDenied("this account was deleted", reason="USER_DELETED")
    if not user.active:
        raise PermissionDenied("this account is disabled; ask an admin of your team", reason="USER_DISABLED")
    team = await tx.teams.hold(user.team)
    if team is not None and team.suspended_at is not None:
        raise PermissionDenied("this team is suspended; ask who runs the platform", reason="TEAM_SUSPENDED")
    return user
