"""Know who belongs to which team."""

from collections.abc import Sequence
from dataclasses import dataclass

from fp_notification.app.ports import Member, Transactions


@dataclass(frozen=True, slots=True)
class FollowMembers:
    transactions: Transactions

    async def __call__(self, members: Sequence[Member]) -> None:
        """Safe to repeat: who is known already keeps his preferences."""
        async with self.transactions() as tx:
            await tx.add_members(sorted(members, key=lambda member: (member.team, member.user_id)))
