"""An e-mail address and a password for a session."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from fp_kernel import Clock, ResourceExhausted, Unauthenticated, invalid

from fp_auth.app.ports import PasswordHasher, Subject, Transactions, Users
from fp_auth.app.session import OpenSession, Session
from fp_auth.domain import lockout
from fp_auth.domain.lockout import LockoutPolicy
from fp_auth.domain.passwords import MAX_LENGTH
from fp_auth.domain.users import User, parse_email

ACCOUNT = "account"
ADDRESS = "address"


class Login:
    def __init__(
        self,
        users: Users,
        transactions: Transactions,
        hasher: PasswordHasher,
        open_session: OpenSession,
        clock: Clock,
        *,
        account_policy: LockoutPolicy = lockout.ACCOUNT,
        address_policy: LockoutPolicy = lockout.ADDRESS,
    ) -> None:
        self._users = users
        self._transactions = transactions
        self._hasher = hasher
        self._open_session = open_session
        self._clock = clock
        self._account_policy = account_policy
        self._address_policy = address_policy

    async def __call__(self, email: str, password: str, *, address: str) -> Session:
        """address: where the client is, as text; empty when nobody knows.

        Raises InvalidArgument, Unauthenticated, or ResourceExhausted while the account or the address must wait.
        """
        email = parse_email(email)
        if not password:
            raise invalid("password", "must not be empty")
        subjects = subjects_of(email, address)
        await self._count(subjects)
        user = await self._verified(email, password)
        if user is None:
            raise Unauthenticated("e-mail address or password is wrong", reason="WRONG_CREDENTIALS")
        await self._forgive(subjects)
        await self._strengthen(user, password)
        return await self._open_session(user)

    async def _verified(self, email: str, password: str) -> User | None:
        user = await self._users.find_by_email(email)
        # The hasher runs for unknown users too: the time of an answer must not show which addresses exist.
        right = await self._hasher.verify(user.password_hash if user else None, password[: MAX_LENGTH + 1])
        return user if right else None

    async def _count(self, subjects: Sequence[Subject]) -> None:
        """Count the attempt as failed before it is looked at, so that guesses sent at once all count."""
        now = self._clock.now()
        async with self._transactions() as tx:
            known = await tx.attempts.lock(subjects)
            wait = max(attempts.wait(now) for attempts in known.values())
            if wait:
                # Rolls back: whoever waits leaves no row behind for every address that he makes up.
                raise locked(wait)
            for subject, attempts in known.items():
                await tx.attempts.save(subject, attempts.counted(self._policy(subject), now))

    async def _forgive(self, subjects: Sequence[Subject]) -> None:
        async with self._transactions() as tx:
            for subject, attempts in (await tx.attempts.lock(subjects)).items():
                # Only the account starts anew: who owns one account could else guess at others for ever.
                if subject.kind == ACCOUNT:
                    await tx.attempts.forget(subject)
                else:
                    await tx.attempts.save(subject, attempts.forgiven(self._policy(subject)))

    async def _strengthen(self, user: User, password: str) -> None:
        if self._hasher.outdated(user.password_hash):
            password_hash = await self._hasher.hash(password)
            async with self._transactions() as tx:
                await tx.users.set_password_hash(user.id, password_hash)

    def _policy(self, subject: Subject) -> LockoutPolicy:
        return self._account_policy if subject.kind == ACCOUNT else self._address_policy


def subjects_of(email: str, address: str) -> Sequence[Subject]:
    """Sorted, so that two transactions never wait for each other.

    The address of an account is stored as a digest: people type passwords into the wrong field.
    """
    subjects = [Subject(ACCOUNT, hashlib.sha256(email.encode()).digest())]
    counted = lockout.address_of(address)
    if counted:
        subjects.append(Subject(ADDRESS, counted.encode()))
    return sorted(subjects)


def locked(wait: timedelta) -> ResourceExhausted:
    return ResourceExhausted(
        "too many failed logins; wait before the next attempt",
        reason="LOGIN_LOCKED",
        retry_after=wait.total_seconds(),
    )


def forgotten_before(now: datetime) -> datetime:
    """Attempts older than this count for no policy."""
    return now - max(lockout.ACCOUNT.forget_after, lockout.ADDRESS.forget_after)
