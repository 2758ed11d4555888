"""Who may not come in any more hears nothing any more."""

from collections.abc import Sequence

from fp_notification.app.ports import Change, Transactions


class EndMembers:
    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def __call__(self, changes: Sequence[Change]) -> None:
        """In their order. Safe to repeat: the newest word about a person stays, and who was forgotten stays so."""
        async with self._transactions() as tx:
            for change in changes:
                if change.forget:
                    await tx.recipients.forget_member(change.team, change.user_id)
                else:
                    await tx.recipients.mark_member(change)
