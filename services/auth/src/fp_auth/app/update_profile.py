"""Change of the own profile."""

from dataclasses import replace

from fp_kernel import Principal

from fp_auth.app.ports import Transactions
from fp_auth.app.session import admitted
from fp_auth.domain.users import User, parse_name


class UpdateProfile:
    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def __call__(self, caller: Principal, name: str) -> User:
        """Raises InvalidArgument, PermissionDenied."""
        async with self._transactions() as tx:
            user = await admitted(tx, caller.user_id)
            user = replace(user, name=parse_name(name, user.email))
            await tx.users.set_name(user.id, user.name)
        return user
