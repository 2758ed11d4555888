"""A session: an access token for minutes, a refresh token for days."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from fp_kernel import Clock, Internal, new_id

from fp_auth.app.ports import Random, Roles, Stores, TokenSigner, Transactions
from fp_auth.app.ports import Sessions as SessionStore
from fp_auth.domain import claims, sessions
from fp_auth.domain.sessions import POLICY, SessionPolicy
from fp_auth.domain.users import Role, User

ACCESS_LIFE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, repr=False)
class Session:
    user: User
    access_token: str
    expires_at: datetime
    refresh_token: str
    refresh_expires_at: datetime


async def role_named(roles: Roles, name: str) -> Role:
    role = await roles.find(name)
    if role is None:
        raise Internal(f"role {name} is not seeded")
    return role


@dataclass(frozen=True, slots=True)
class IssueTokens:
    """The two tokens of a session, both new."""

    signer: TokenSigner
    random: Random
    policy: SessionPolicy = POLICY

    async def __call__(
        self, store: SessionStore, user: User, role: Role, *, family_id: str, family_started: datetime, now: datetime
    ) -> Session:
        """Adds the refresh token to its family."""
        refresh = sessions.raw_token(self.random(sessions.ENTROPY_BYTES))
        refresh_ends = self.policy.token_ends(family_started, now)
        await store.add_token(family_id, sessions.token_hash(refresh), now, refresh_ends)
        access = self.signer.sign(claims.of_user(user, role, now=now, life=ACCESS_LIFE, token_id=new_id()))
        return Session(user, access, now + ACCESS_LIFE, refresh, refresh_ends)


@dataclass(frozen=True, slots=True)
class OpenSession:
    stores: Stores
    transactions: Transactions
    issue: IssueTokens
    clock: Clock

    async def __call__(self, user: User) -> Session:
        """A new family with its first tokens."""
        role = await role_named(self.stores.roles, user.role)
        now, family_id = self.clock.now(), new_id()
        async with self.transactions() as tx:
            await tx.sessions.start(family_id, user.id, now, now + self.issue.policy.longest)
            return await self.issue(tx.sessions, user, role, family_id=family_id, family_started=now, now=now)
