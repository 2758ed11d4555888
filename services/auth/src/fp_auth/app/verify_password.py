"""Whether somebody knows the password of an account, counted before it is looked at."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from fp_kernel import Clock, ResourceExhausted, Unauthenticated, invalid

from fp_auth.app.ports import PasswordHasher, Subject, Transactions, Users
from fp_auth.domain import lockout
from fp_auth.domain.lockout import LockoutPolicy
from fp_auth.domain.passwords import MAX_LENGTH
from fp_auth.domain.users import User, parse_email, typed_email

PAIR = "pair"
ADDRESS = "address"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One that was counted; forgiven once everything that was asked for is right."""

    user: User
    subjects: Sequence[Subject]


class VerifyPassword:
    def __init__(
        self,
        users: Users,
        transactions: Transactions,
        hasher: PasswordHasher,
        clock: Clock,
        *,
        pair_policy: LockoutPolicy = lockout.PAIR,
        address_policy: LockoutPolicy = lockout.ADDRESS,
    ) -> None:
        self._users = users
        self._transactions = transactions
        self._hasher = hasher
        self._clock = clock
        self._pair_policy = pair_policy
        self._address_policy = address_policy

    async def __call__(self, email: str, password: str, *, address: str) -> Attempt:
        """address: where the client is, as text; empty when nobody knows.

        Raises InvalidArgument, Unauthenticated, or ResourceExhausted while the address must wait, for this account or
        for every one.
        """
        typed, email = typed_email(email), parse_email(email)
        if not password:
            raise invalid("password", "must not be empty")
        subjects = subjects_of(email, address)
        await self._count(subjects)
        user = await self._verified(email, typed, password)
        if user is None:
            raise Unauthenticated("e-mail address or password is wrong", reason="WRONG_CREDENTIALS")
        await self._strengthen(user, password)
        return Attempt(user, subjects)

    async def forgive(self, attempt: Attempt) -> None:
        """Not before a second factor is right: who has the password could else guess at that one for ever."""
        now = self._clock.now()
        async with self._transactions() as tx:
            for subject, bucket in (await tx.attempts.lock(attempt.subjects)).items():
                # Only the account starts anew: who owns one account could else guess at others for ever.
                if subject.kind == PAIR:
                    await tx.attempts.forget(subject)
                else:
                    await tx.attempts.save(subject, bucket.forgiven(self._policy(subject), now))

    async def _verified(self, email: str, typed: str, password: str) -> User | None:
        user = await self._users.find_by_email(email)
        if user is None and typed != email:
            user = await self._users.find_by_email(typed)
        # The hasher runs for unknown users too: the time of an answer must not show which addresses exist.
        right = await self._hasher.verify(user.password_hash if user else None, password[: MAX_LENGTH + 1])
        return user if right else None

    async def _count(self, subjects: Sequence[Subject]) -> None:
        """Count the attempt as failed before it is looked at, so that guesses sent at once all count."""
        now = self._clock.now()
        async with self._transactions() as tx:
            known = await tx.attempts.lock(subjects)
            wait = max(bucket.wait(self._policy(subject), now) for subject, bucket in known.items())
            if wait:
                # Rolls back: whoever waits leaves no row behind for every address that he makes up.
                raise locked(wait)
            for subject, bucket in known.items():
                await tx.attempts.save(subject, bucket.counted(self._policy(subject), now))

    async def _strengthen(self, user: User, password: str) -> None:
        if self._hasher.outdated(user.password_hash):
            password_hash = await self._hasher.hash(password)
            async with self._transactions() as tx:
                await tx.users.renew_password_hash(user.id, user.password_hash, password_hash)

    def _policy(self, subject: Subject) -> LockoutPolicy:
        return self._pair_policy if subject.kind == PAIR else self._address_policy


def subjects_of(email: str, address: str) -> Sequence[Subject]:
    """Sorted, so that two transactions never wait for each other.

    An account is counted together with the address: who guesses at it from elsewhere does not keep its owner waiting.
    The pair is stored as a digest, because people type passwords into the wrong field.
    """
    counted = lockout.address_of(address)
    subjects = [Subject(PAIR, hashlib.sha256(f"{email}\n{counted}".encode()).digest())]
    if counted:
        subjects.append(Subject(ADDRESS, counted.encode()))
    return sorted(subjects)


def locked(wait: timedelta) -> ResourceExhausted:
    return ResourceExhausted(
        "too many failed logins; wait before the next attempt",
        reason="LOGIN_LOCKED",
        retry_after=wait.total_seconds(),
    )
