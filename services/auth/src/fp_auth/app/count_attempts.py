"""Guesses at what lets somebody in, counted before they are looked at, so that those sent at once all count."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import timedelta

from fp_kernel import Clock, ResourceExhausted
from fp_kernel.addresses import counted_address

from fp_auth.app.ports import Subject, Transactions
from fp_auth.domain import lockout
from fp_auth.domain.lockout import LockoutPolicy

PAIR = "pair"
ADDRESS = "address"
CODE = "code"


class CountAttempts:
    def __init__(
        self,
        transactions: Transactions,
        clock: Clock,
        *,
        pair_policy: LockoutPolicy = lockout.PAIR,
        address_policy: LockoutPolicy = lockout.ADDRESS,
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        # Codes of one account are counted like passwords of a pair, but wherever they come from.
        self._policies: Mapping[str, LockoutPolicy] = {PAIR: pair_policy, CODE: pair_policy, ADDRESS: address_policy}

    async def __call__(self, subjects: Sequence[Subject]) -> None:
        """Count one as failed. Raises ResourceExhausted while one of the subjects must wait."""
        now = self._clock.now()
        async with self._transactions() as tx:
            known = await tx.attempts.lock(subjects)
            wait = max(bucket.wait(self._policies[subject.kind], now) for subject, bucket in known.items())
            if wait:
                # Rolls back: whoever waits leaves no row behind for every address that he makes up.
                raise locked(wait)
            for subject, bucket in known.items():
                await tx.attempts.save(subject, bucket.counted(self._policies[subject.kind], now))

    async def forgive(self, subjects: Sequence[Subject]) -> None:
        """The attempt was right: its account starts anew.

        Only the account: who owns one could else guess at others from the same address for ever.
        """
        now = self._clock.now()
        async with self._transactions() as tx:
            for subject, bucket in (await tx.attempts.lock(subjects)).items():
                if subject.kind == ADDRESS:
                    await tx.attempts.save(subject, bucket.forgiven(self._policies[subject.kind], now))
                else:
                    await tx.attempts.forget(subject)

    async def withdraw(self, subjects: Sequence[Subject]) -> None:
        """The attempt was neither right nor wrong: it counts no more, and the failures before it go on counting."""
        now = self._clock.now()
        async with self._transactions() as tx:
            for subject, bucket in (await tx.attempts.lock(subjects)).items():
                await tx.attempts.save(subject, bucket.forgiven(self._policies[subject.kind], now))


def subjects_of(email: str, address: str) -> Sequence[Subject]:
    """Sorted, so that two transactions never wait for each other.

    An account is counted together with the address: who guesses at it from elsewhere does not keep its owner waiting.
    The pair is stored as a digest, because people type passwords into the wrong field.
    """
    counted = counted_address(address)
    subjects = [Subject(PAIR, hashlib.sha256(f"{email}\n{counted}".encode()).digest())]
    if counted:
        subjects.append(Subject(ADDRESS, counted.encode()))
    return sorted(subjects)


def codes_of(user_id: str) -> Sequence[Subject]:
    """Codes of one account, from wherever they come: who knows its password could else guess from many addresses.

    Nobody without the password gets so far, so that no stranger keeps the owner waiting.
    """
    return (Subject(CODE, hashlib.sha256(user_id.encode()).digest()),)


def locked(wait: timedelta) -> ResourceExhausted:
    return ResourceExhausted(
        "too many failed logins; wait before the next attempt",
        reason="LOGIN_LOCKED",
        retry_after=wait.total_seconds(),
    )
