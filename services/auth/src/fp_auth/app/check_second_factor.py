"""Whether a code is right for an account, counted before it is looked at."""

from datetime import datetime

from fp_kernel import Clock, FailedPrecondition, Unauthenticated, invalid
from fp_kernel.key_encryption import KeyEncryption, KeyNotHere

from fp_auth.app.count_attempts import CountAttempts, codes_of, subjects_of
from fp_auth.app.ports import Transaction
from fp_auth.app.second_factor_ports import Passcodes, SecondFactorReads
from fp_auth.app.secret_ports import Envelope
from fp_auth.app.verify_password import VerifyPassword
from fp_auth.domain.second_factors import (
    Match,
    SecondFactor,
    factor_context,
    good_steps,
    matching_step,
    recovery_hash,
)
from fp_auth.domain.users import User, parse_email


class MatchCode:
    """What a typed code is of a second factor, if it is anything; changes nothing."""

    def __init__(self, keys: KeyEncryption, envelope: Envelope, passcodes: Passcodes, clock: Clock) -> None:
        self._keys = keys
        self._envelope = envelope
        self._passcodes = passcodes
        self._clock = clock

    async def __call__(self, factor: SecondFactor, typed: str) -> Match | None:
        """Raises FailedPrecondition when the key that encrypted the secret is gone; recovery codes need no key."""
        if digest := recovery_hash(typed):
            return Match(factor.id, recovery_hash=digest) if digest in factor.recovery_hashes else None
        secret = await self._opened(factor)
        steps = good_steps(self._clock.now(), factor.last_step)
        step = matching_step(typed, steps, lambda each: self._passcodes.code(secret, each))
        return None if step is None else Match(factor.id, step=step)

    async def _opened(self, factor: SecondFactor) -> bytes:
        context = factor_context(factor.user_id)
        try:
            return self._envelope.open(await self._keys.unwrap(factor.key, context), factor.sealed, context)
        except KeyNotHere:
            raise FailedPrecondition(
                "the key that encrypted the second factor is not here; use a recovery code, or ask an admin",
                reason="SECOND_FACTOR_UNREADABLE",
            ) from None


class CheckSecondFactor:
    """At a login, once the password is right."""

    def __init__(self, reads: SecondFactorReads, match: MatchCode, attempts: CountAttempts) -> None:
        self._reads = reads
        self._match = match
        self._attempts = attempts

    async def of(self, user: User) -> SecondFactor | None:
        """The one that his logins need."""
        factor = await self._reads.find(user.id)
        return factor if factor is not None and factor.turned_on else None

    async def __call__(self, factor: SecondFactor, typed: str) -> Match:
        """Raises Unauthenticated, ResourceExhausted after too many wrong ones from wherever, FailedPrecondition."""
        subjects = codes_of(factor.user_id)
        await self._attempts(subjects)
        match = await self._match(factor, typed)
        if match is None:
            raise wrong_code()
        await self._attempts.forgive(subjects)
        return match


class VerifyPerson:
    """That the caller is who logged in, not somebody at his screen: by the password or by a code."""

    def __init__(self, verify: VerifyPassword, check: CheckSecondFactor, attempts: CountAttempts) -> None:
        self._verify = verify
        self._check = check
        self._attempts = attempts

    async def __call__(self, user: User, *, password: str, code: str, address: str) -> Match | None:
        """What the code was, to be spent with the change; None for a right password.

        Raises InvalidArgument, Unauthenticated, ResourceExhausted, FailedPrecondition.
        """
        if bool(password) == bool(code):
            raise invalid("totp_code", "give either the password or a code")
        if password:
            await self._verify.forgive(await self._verify(user.email, password, address=address))
            return None
        factor = await self._check.of(user)
        if factor is None:
            raise turned_off()
        subjects = subjects_of(parse_email(user.email), address)
        await self._attempts(subjects)
        match = await self._check(factor, code)
        await self._attempts.forgive(subjects)
        return match


async def spend(tx: Transaction, user_id: str, match: Match, now: datetime) -> None:
    """The code is good no more, once the transaction commits. Raises Unauthenticated when somebody was faster."""
    factors = tx.second_factors
    if match.recovery_hash:
        used = await factors.use_recovery_code(user_id, match.recovery_hash, now)
    else:
        used = await factors.use_step(user_id, match.factor_id, match.step)
    if not used:
        raise wrong_code()


def wrong_code() -> Unauthenticated:
    return Unauthenticated(
        "the code is wrong, over or used; wait for the next one of your app", reason="SECOND_FACTOR_WRONG"
    )


def turned_off() -> FailedPrecondition:
    return FailedPrecondition("the account has no second factor", reason="SECOND_FACTOR_OFF")
