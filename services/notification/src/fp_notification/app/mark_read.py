"""Mark notifications as read."""

from collections.abc import Collection
from dataclasses import dataclass

from fp_kernel import Clock, Command, Principal

from fp_notification.app.ports import Transactions


@dataclass(frozen=True, slots=True)
class Marked:
    """marked: that were unread before. unread: that are still."""

    marked: int
    unread: int


@dataclass(frozen=True, slots=True)
class MarkRead:
    transactions: Transactions
    clock: Clock

    async def __call__(self, caller: Principal, ids: Collection[str] | None, command: Command) -> Marked:
        """ids: None is all; those that are not the caller's are passed over."""
        async with self.transactions(command) as tx:
            marked = await tx.mark_read(caller.team, caller.user_id, ids, self.clock.now())
            result = Marked(marked, await tx.unread(caller.team, caller.user_id))
            await tx.complete(result)
        return result
