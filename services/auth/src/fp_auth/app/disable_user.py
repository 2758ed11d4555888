"""Somebody may not come in any more, or again."""

from collections.abc import Callable

from fp_kernel import Clock, Command, Principal, invalid, parse_id

from fp_auth.app.account_access import check_not_last, lock_administered
from fp_auth.app.end_sessions import end_every_session
from fp_auth.app.ports import Transactions
from fp_auth.domain.events import IdentityEnded, IdentityRestored
from fp_auth.domain.users import User
from fp_auth.domain.withdrawals import USER, everything, logins_before

DISABLED = "disabled"


class DisableUser:
    """His tokens, keys, jobs, streams and webhooks end with the event; what he made stays, and names him."""

    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(
        self, caller: Principal, user_id: str, *, may_see: Callable[[str], bool], command: Command | None = None
    ) -> User:
        """Disabling twice is no error and publishes one event.

        Raises InvalidArgument, NotFound, PermissionDenied for who may more than the caller, FailedPrecondition for the
        last admin of a team and the last operator.
        """
        user_id = parse_id(user_id, "user_id")
        if user_id == caller.user_id:
            raise invalid("user_id", "is you; another admin must do that")
        async with self._transactions(command) as tx:
            user, others = await lock_administered(tx, caller, user_id, may_see)
            if user.disabled_at is None:
                check_not_last(user, others)
                now = self._clock.now()
                user = user.disabled(now)
                await tx.users.set_disabled(user.id, now)
                await end_every_session(tx, user.id, now, DISABLED)
                ended = await tx.withdrawals.add(everything(USER, user.id, now))
                tx.outbox.add(IdentityEnded(ended, user.team, DISABLED, now, caller.user_id))
            await tx.complete(user)
        return user


class EnableUser:
    """His keys are good again; his sessions stay ended."""

    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(
        self, caller: Principal, user_id: str, *, may_see: Callable[[str], bool], command: Command | None = None
    ) -> User:
        """Raises InvalidArgument, NotFound, PermissionDenied."""
        user_id = parse_id(user_id, "user_id")
        async with self._transactions(command) as tx:
            user, _ = await lock_administered(tx, caller, user_id, may_see)
            if user.disabled_at is not None:
                now = self._clock.now()
                user = user.enabled()
                await tx.users.set_disabled(user.id, None)
                restored = await tx.withdrawals.add(logins_before(USER, user.id, now))
                tx.outbox.add(IdentityRestored(restored, user.team, now, caller.user_id))
            await tx.complete(user)
        return user
