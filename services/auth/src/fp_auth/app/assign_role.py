"""Another role for a user."""

from collections.abc import Callable

from fp_kernel import Command, FailedPrecondition, Principal, invalid, parse_id
from fp_kernel.identity import PLATFORM

from fp_auth.app.account_access import check_not_last, lock_administered
from fp_auth.app.ports import Transactions
from fp_auth.app.refusals import check_holds
from fp_auth.app.session import role_named
from fp_auth.domain.team_roles import parse_assignable
from fp_auth.domain.users import OPERATOR_ROLE


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
            user, others = await lock_administered(tx, caller, user_id, may_see, field="role_name")
            if await tx.roles.find(role_name, user.team) is None:
                raise invalid("role_name", "the team has no such role")
            check_holds(caller, (await role_named(tx.roles, role_name, user.team)).scopes, "role_name")
            check_not_last(user, others, role_after=role_name)
            if role_name == OPERATOR_ROLE and user.role != OPERATOR_ROLE and user.team != PLATFORM:
                raise FailedPrecondition(
                    f"role_name: operators are members of team {PLATFORM}", reason="OPERATOR_OUTSIDE_PLATFORM"
                )
            await tx.users.set_role(user_id, role_name)
            await tx.complete(None)
