"""Whether somebody knows the password of an account, counted before it is looked at."""

from collections.abc import Sequence
from dataclasses import dataclass

from fp_kernel import ResourceExhausted, Unauthenticated, invalid
from fp_kernel.addresses import counted_address

from fp_auth.app.count_attempts import CountAttempts, subjects_of
from fp_auth.app.ports import PasswordHasher, Subject, Transactions, Users
from fp_auth.domain.passwords import MAX_LENGTH
from fp_auth.domain.users import User, parse_email, typed_email


@dataclass(frozen=True, slots=True)
class Attempt:
    """One that was counted; forgiven once everything that was asked for is right."""

    user: User
    subjects: Sequence[Subject]


class VerifyPassword:
    def __init__(
        self, users: Users, transactions: Transactions, hasher: PasswordHasher, attempts: CountAttempts
    ) -> None:
        self._users = users
        self._transactions = transactions
        self._hasher = hasher
        self._attempts = attempts

    async def __call__(self, email: str, password: str, *, address: str) -> Attempt:
        """address: where the client is, as text; empty when nobody knows.

        Raises InvalidArgument, Unauthenticated, or ResourceExhausted while the address must wait, for this account or
        for every one.
        """
        typed, email = typed_email(email), parse_email(email)
        if not password:
            raise invalid("password", "must not be empty")
        subjects = subjects_of(email, address)
        await self._attempts(subjects)
        try:
            user = await self._verified(email, typed, password, address)
        except ResourceExhausted:
            # Nobody looked at the password.
            await self._attempts.withdraw(subjects)
            raise
        if user is None:
            raise Unauthenticated("e-mail address or password is wrong", reason="WRONG_CREDENTIALS")
        await self._strengthen(user, password)
        return Attempt(user, subjects)

    async def forgive(self, attempt: Attempt) -> None:
        """Not before a second factor is right: who has the password could else guess at that one for ever."""
        await self._attempts.forgive(attempt.subjects)

    async def withdraw(self, attempt: Attempt) -> None:
        """The attempt is not over: it counts as nothing, and the failures before it go on counting."""
        await self._attempts.withdraw(attempt.subjects)

    async def _verified(self, email: str, typed: str, password: str, address: str) -> User | None:
        user = await self._users.find_by_email(email)
        if user is None and typed != email:
            user = await self._users.find_by_email(typed)
        # The hasher runs for unknown users too: the time of an answer must not show which addresses exist.
        known = user.password_hash if user else None
        right = await self._hasher.verify(known, password[: MAX_LENGTH + 1], whose=counted_address(address))
        return user if right else None

    async def _strengthen(self, user: User, password: str) -> None:
        if self._hasher.outdated(user.password_hash):
            try:
                password_hash = await self._hasher.hash(password)
            except ResourceExhausted:
                # The password is right; a login in a quieter moment does it.
                return
            async with self._transactions() as tx:
                await tx.users.renew_password_hash(user.id, user.password_hash, password_hash)
