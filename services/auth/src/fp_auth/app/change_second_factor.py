"""A second factor that its owner turns off or needs new recovery codes for, or that an admin resets."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from fp_kernel import Clock, Principal, invalid, parse_id

from fp_auth.app.account_access import lock_administered
from fp_auth.app.check_second_factor import VerifyPerson, spend, turned_off
from fp_auth.app.end_sessions import ADMINISTER_USERS
from fp_auth.app.people_queries import visible_user
from fp_auth.app.ports import Random, Transaction, Transactions, Users
from fp_auth.app.refusals import no_user
from fp_auth.app.second_factor_changes import SecondFactorChanges
from fp_auth.app.second_factor_ports import SecondFactorReads
from fp_auth.app.session import admitted
from fp_auth.app.turn_on_second_factor import new_recovery_codes
from fp_auth.domain.second_factors import Match
from fp_auth.domain.users import User


@dataclass(frozen=True, slots=True)
class FactorStatus:
    """turned_on_at: None while a login needs no code."""

    user_id: str
    turned_on_at: datetime | None
    recovery_codes_left: int


class SecondFactorQueries:
    def __init__(self, users: Users, reads: SecondFactorReads) -> None:
        self._users = users
        self._reads = reads

    async def __call__(self, caller: Principal, user_id: str, *, may_see: Callable[[str], bool]) -> FactorStatus:
        """Raises InvalidArgument, NotFound, also for a colleague whom the caller does not administer."""
        user = await visible_user(self._users, caller, user_id, ADMINISTER_USERS, may_see)
        factor = await self._reads.find(user.id)
        if factor is None or not factor.turned_on:
            return FactorStatus(user.id, None, 0)
        return FactorStatus(user.id, factor.confirmed_at, len(factor.recovery_hashes))


class TurnOffSecondFactor:
    """Sessions go on: each of them proved more than a login will from now on."""

    def __init__(
        self,
        users: Users,
        transactions: Transactions,
        verify: VerifyPerson,
        changes: SecondFactorChanges,
        clock: Clock,
    ) -> None:
        self._users = users
        self._transactions = transactions
        self._verify = verify
        self._changes = changes
        self._clock = clock

    async def __call__(self, caller: Principal, *, password: str, code: str, address: str) -> None:
        """Raises InvalidArgument, Unauthenticated, ResourceExhausted, PermissionDenied; FailedPrecondition for none."""
        user = await _own(self._users, caller)
        match = await self._verify(user, password=password, code=code, address=address)
        async with self._transactions() as tx:
            user, now = await _proved(tx, user.id, match, self._clock), self._clock.now()
            if not await tx.second_factors.remove(user.id):
                raise turned_off()
            await self._changes.mail(tx, user, "turned off", now)


class RenewRecoveryCodes:
    def __init__(
        self, users: Users, transactions: Transactions, verify: VerifyPerson, random: Random, clock: Clock
    ) -> None:
        self._users = users
        self._transactions = transactions
        self._verify = verify
        self._random = random
        self._clock = clock

    async def __call__(self, caller: Principal, *, password: str, code: str, address: str) -> Sequence[str]:
        """Those of before are worth nothing. Raises as TurnOffSecondFactor does."""
        user = await _own(self._users, caller)
        match = await self._verify(user, password=password, code=code, address=address)
        async with self._transactions() as tx:
            await _proved(tx, user.id, match, self._clock)
            if not await tx.second_factors.turned_on(user.id):
                raise turned_off()
            return await new_recovery_codes(tx, user.id, self._random)


class ResetSecondFactor:
    """For somebody who lost his device and his recovery codes. His sessions end: the device may be somebody else's."""

    def __init__(self, transactions: Transactions, changes: SecondFactorChanges, clock: Clock) -> None:
        self._transactions = transactions
        self._changes = changes
        self._clock = clock

    async def __call__(self, caller: Principal, user_id: str, *, may_see: Callable[[str], bool]) -> None:
        """Resetting what is not there is no error.

        Raises InvalidArgument, NotFound, PermissionDenied for who may more than the caller.
        """
        user_id = parse_id(user_id, "user_id")
        if user_id == caller.user_id:
            raise invalid("user_id", "is you; turn it off by your password or a code")
        async with self._transactions() as tx:
            user, _ = await lock_administered(tx, caller, user_id, may_see)
            if await tx.second_factors.remove(user.id):
                now = self._clock.now()
                await self._changes.end_sessions(tx, user, now, actor=caller.user_id)
                await self._changes.mail(tx, user, "turned off by an admin", now)


async def _own(users: Users, caller: Principal) -> User:
    user = await users.find(caller.user_id)
    if user is None:
        raise no_user()
    return user


async def _proved(tx: Transaction, user_id: str, match: Match | None, clock: Clock) -> User:
    """The user, with the code spent where one was given."""
    await tx.users.lock(user_id)
    user = await admitted(tx, user_id)
    if match is not None:
        await spend(tx, user_id, match, clock.now())
    return user
