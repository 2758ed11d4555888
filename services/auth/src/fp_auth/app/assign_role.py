"""Another role for a user."""

from collections.abc import Callable

from fp_kernel import Command, FailedPrecondition, Principal, invalid, parse_id
from fp_kernel.identity import PLATFORM

from fp_auth.app.ports import Transaction, Transactions
from fp_auth.app.refusals import check_holds, no_user
from fp_auth.app.session import role_named
from fp_auth.domain.team_roles import parse_assignable
from fp_auth.domain.users import ADMINISTRATORS, OPERATOR_ROLE, User


class AssignRole:
    """Tokens that are out keep their role until they end, 15 minutes at most; API keys follow within 30 seconds."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def __call__(
        self,
        caller: Principal,
        *,
        user_id: str,
        role_name: str,
        may_see: Callable[[str], bool],
        command: Command | None = None,
    ) -> None:
        """may_see: whether the caller may touch users of a team.

        Raises InvalidArgument, NotFound, PermissionDenied for a role above the caller's own, FailedPrecondition for
        the last admin of a team, the last operator and an operator outside the team of the platform.
        """
        user_id, role_name = parse_id(user_id, "user_id"), parse_assignable(role_name)
        async with self._transactions(command) as tx:
            user, others = await self._locked(tx, user_id, may_see)
            if await tx.roles.find(role_name, user.team) is None:
                raise invalid("role_name", "the team has no such role")
            for name in {user.role, role_name}:
                check_holds(caller, (await role_named(tx.roles, name, user.team)).scopes, "role_name")
            _check_last(user, role_name, others)
            if role_name == OPERATOR_ROLE and user.role != OPERATOR_ROLE and user.team != PLATFORM:
                raise FailedPrecondition(
                    f"role_name: operators are members of team {PLATFORM}", reason="OPERATOR_OUTSIDE_PLATFORM"
                )
            await tx.users.set_role(user_id, role_name)
            await tx.complete(None)

    async def _locked(self, tx: Transaction, user_id: str, may_see: Callable[[str], bool]) -> tuple[User, list[User]]:
        """The user, and the other administrators."""
        user = await tx.users.find(user_id)
        if user is None or not may_see(user.team):
            raise no_user()
        # Read again under the lock: two admins who demote each other at once must not both succeed.
        administrators = await tx.users.lock_administrators(user.team)
        user = await tx.users.find(user_id)
        if user is None:
            raise no_user()
        return user, [each for each in administrators if each.id != user_id]


def _check_last(user: User, role_name: str, others: list[User]) -> None:
    operates = any(each.role == OPERATOR_ROLE for each in others)
    if user.role == OPERATOR_ROLE and role_name != OPERATOR_ROLE and not operates:
        raise FailedPrecondition(
            "user_id: the last operator keeps the role; name another operator first", reason="LAST_OPERATOR"
        )
    administers = any(each.team == user.team for each in others)
    if user.role in ADMINISTRATORS and role_name not in ADMINISTRATORS and not administers:
        raise FailedPrecondition(
            "user_id: the last admin of a team keeps the role; name another admin first", reason="LAST_ADMIN"
        )
