"""Note who belongs to which team."""

from collections.abc import Sequence

from fp_notification.app.ports import Member, Transactions


class AddMembers:
    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def __call__(self, members: Sequence[Member]) -> None:
        """Safe to repeat: the preferences of a known member stay."""
        async with self._transactions() as tx:
            await tx.recipients.add_members(sorted(members, key=lambda member: (member.team, member.user_id)))
