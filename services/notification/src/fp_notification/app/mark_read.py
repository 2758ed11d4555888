"""Mark notifications as read."""

from collections.abc import Collection
from dataclasses import dataclass

from fp_kernel import Clock, Command, Principal

from fp_notification.app.ports import Transactions
from fp_notification.domain.notifications import LAST_ID


@dataclass(frozen=True, slots=True)
class Marked:
    """marked: that were unread before. unread: that are still."""

    marked: int
    unread: int


@dataclass(frozen=True, slots=True)
class UpTo:
    """All up to and with this one, the newest that the caller has seen; empty for all there are."""

    id: str = ""


class MarkRead:
    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(self, caller: Principal, wanted: Collection[str] | UpTo, command: Command) -> Marked:
        """Those that are not the caller's are passed over."""
        now = self._clock.now()
        async with self._transactions(command) as tx:
            if isinstance(wanted, UpTo):
                marked = await tx.notifications.mark_all_read(caller.team, caller.user_id, wanted.id or LAST_ID, now)
            else:
                marked = await tx.notifications.mark_read(caller.team, caller.user_id, wanted, now)
            result = Marked(marked, await tx.notifications.unread(caller.team, caller.user_id))
            await tx.complete(result)
        return result
