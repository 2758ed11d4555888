"""A person gives his account a second factor: a secret for his app, then a first code of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fp_kernel import Clock, FailedPrecondition, Principal, invalid, new_id
from fp_kernel.key_encryption import KeyEncryption

from fp_auth.app.check_second_factor import MatchCode
from fp_auth.app.ports import Random, Transaction, Transactions, Users
from fp_auth.app.second_factor_changes import SecondFactorChanges
from fp_auth.app.second_factor_ports import Passcodes, SecondFactorReads
from fp_auth.app.secret_ports import Envelope
from fp_auth.app.session import admitted
from fp_auth.app.verify_password import VerifyPassword
from fp_auth.domain import second_factors
from fp_auth.domain.second_factors import SecondFactor, factor_context, secret_text


@dataclass(frozen=True, slots=True, repr=False)
class Enrolment:
    """secret, uri: shown once, to the person alone."""

    secret: str
    uri: str
    ends: datetime


class BeginSecondFactor:
    def __init__(
        self,
        users: Users,
        transactions: Transactions,
        verify: VerifyPassword,
        *,
        keys: KeyEncryption,
        envelope: Envelope,
        passcodes: Passcodes,
        random: Random,
        clock: Clock,
    ) -> None:
        self._users = users
        self._transactions = transactions
        self._verify = verify
        self._keys = keys
        self._envelope = envelope
        self._passcodes = passcodes
        self._random = random
        self._clock = clock

    async def __call__(self, caller: Principal, password: str, *, address: str) -> Enrolment:
        """Begun twice, the secret of before is worth nothing.

        Raises InvalidArgument, Unauthenticated, ResourceExhausted, PermissionDenied, FailedPrecondition for an account
        without a password and for one whose second factor is turned on.
        """
        user = await self._users.find(caller.user_id)
        if user is None or not user.password_hash:
            raise FailedPrecondition("this account has no password; it signs in elsewhere", reason="NO_PASSWORD")
        if not password:
            raise invalid("password", "must not be empty")
        await self._verify.forgive(await self._verify(user.email, password, address=address))
        secret, data_key = self._random(second_factors.SECRET_BYTES), self._envelope.new_key()
        context = factor_context(user.id)
        # Asks what may be a service on the network, so before the transaction.
        wrapped = await self._keys.wrap(data_key, context)
        sealed = self._envelope.seal(data_key, secret, context)
        factor = SecondFactor(user.id, new_id(), wrapped, sealed, self._clock.now())
        async with self._transactions() as tx:
            await admitted(tx, user.id)
            if not await tx.second_factors.begin(factor):
                raise _turned_on()
        return Enrolment(secret_text(secret), self._passcodes.uri(secret, user.email), factor.open_until())


class ConfirmSecondFactor:
    def __init__(
        self,
        reads: SecondFactorReads,
        transactions: Transactions,
        match: MatchCode,
        *,
        changes: SecondFactorChanges,
        random: Random,
        clock: Clock,
    ) -> None:
        self._reads = reads
        self._transactions = transactions
        self._match = match
        self._changes = changes
        self._random = random
        self._clock = clock

    async def __call__(self, caller: Principal, code: str) -> Sequence[str]:
        """The recovery codes. His other sessions end: they were opened without the second factor.

        Raises InvalidArgument for a wrong code, PermissionDenied, FailedPrecondition when none was begun, and when one
        is turned on.
        """
        factor = await self._reads.find(caller.user_id)
        if factor is not None and factor.turned_on:
            raise _turned_on()
        if factor is None or self._clock.now() >= factor.open_until():
            raise _not_begun()
        match = await self._match(factor, code)
        if match is None:
            raise invalid("totp_code", "is not the code of now; is the time of the device right?")
        async with self._transactions() as tx:
            # No session is opened meanwhile; one that was under way finds the second factor turned on.
            await tx.users.lock(caller.user_id)
            user, now = await admitted(tx, caller.user_id), self._clock.now()
            if not await tx.second_factors.confirm(user.id, factor.id, match.step, now):
                raise _not_begun()
            codes = await new_recovery_codes(tx, user.id, self._random)
            await self._changes.end_sessions(tx, user, now, actor=user.id, spared=caller.session_id)
            await self._changes.mail(tx, user, "turned on", now)
        return codes


async def new_recovery_codes(tx: Transaction, user_id: str, random: Random) -> Sequence[str]:
    """In place of all that he has; only their digests are stored."""
    entropies = [random(second_factors.RECOVERY_BYTES) for _ in range(second_factors.RECOVERY_CODES)]
    codes = [second_factors.recovery_code(each) for each in entropies]
    await tx.second_factors.replace_recovery_codes(user_id, [second_factors.recovery_hash(each) for each in codes])
    return codes


def _turned_on() -> FailedPrecondition:
    return FailedPrecondition("the second factor is turned on; turn it off first", reason="SECOND_FACTOR_ON")


def _not_begun() -> FailedPrecondition:
    return FailedPrecondition(
        "no second factor is begun, or its time is over; begin it", reason="SECOND_FACTOR_NOT_BEGUN"
    )
