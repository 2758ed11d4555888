"""Another role for a user."""

from collections.abc import Callable

from fp_kernel import Command, FailedPrecondition, NotFound, parse_id
from fp_kernel.identity import ADMIN_ROLE

from fp_auth.app.ports import Transactions
from fp_auth.domain.users import parse_role


class AssignRole:
    """Tokens that are out keep their role until they end, 15 minutes at most; API keys follow within 30 seconds."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def __call__(
        self, *, user_id: str, role_name: str, may_see: Callable[[str], bool], command: Command | None = None
    ) -> None:
        """may_see: whether the caller may touch users of a team.

        Raises InvalidArgument, NotFound, FailedPrecondition for the last admin.
        """
        user_id, role_name = parse_id(user_id, "user_id"), parse_role(role_name)
        async with self._transactions(command) as tx:
            # Locked before the user is read: two admins who demote each other at once must not both succeed.
            admins = await tx.users.lock_admins()
            user = await tx.users.find(user_id)
            if user is None or not may_see(user.team):
                raise NotFound("user_id: no such user", reason="USER_NOT_FOUND")
            if role_name != ADMIN_ROLE and admins == [user_id]:
                raise FailedPrecondition(
                    "user_id: the last admin keeps the role; name another admin first", reason="LAST_ADMIN"
                )
            await tx.users.set_role(user_id, role_name)
            await tx.complete(None)
