"""Somebody leaves for good: his personal data is erased, his id stays in what he made."""

from collections.abc import Callable

from fp_kernel import Clock, Command, Principal, invalid, parse_id

from fp_auth.app.account_access import check_not_last, lock_administered
from fp_auth.app.end_sessions import end_every_key
from fp_auth.app.ports import Transactions
from fp_auth.domain.events import IdentityEnded
from fp_auth.domain.withdrawals import USER, everything

DELETED = "deleted"


class DeleteUser:
    """Name, e-mail address, password, second factor, sessions with their addresses, and the key under which the audit
    log digests his addresses are deleted. The e-mail address may be another account's at once.
    """

    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(
        self, caller: Principal, user_id: str, *, may_see: Callable[[str], bool], command: Command | None = None
    ) -> None:
        """Raises InvalidArgument, NotFound, also for who was deleted before, PermissionDenied, FailedPrecondition for
        the last admin of a team and the last operator.
        """
        user_id = parse_id(user_id, "user_id")
        if user_id == caller.user_id:
            raise invalid("user_id", "is you; another admin must do that")
        async with self._transactions(command) as tx:
            user, others = await lock_administered(tx, caller, user_id, may_see)
            check_not_last(user, others)
            now = self._clock.now()
            await end_every_key(tx, user, now, caller.user_id)
            await tx.sessions.erase(user.id)
            await tx.users.erase(user.id, now)
            ended = await tx.withdrawals.add(everything(USER, user.id, now))
            tx.outbox.add(IdentityEnded(ended, user.team, DELETED, now, caller.user_id))
            await tx.complete(None)
