"""Whom a caller may administer."""

from collections.abc import Callable

from fp_kernel import FailedPrecondition, Principal

from fp_auth.app.ports import Transaction
from fp_auth.app.refusals import check_holds, no_user
from fp_auth.app.session import role_named
from fp_auth.domain.users import ADMINISTRATORS, OPERATOR_ROLE, User


async def lock_administered(
    tx: Transaction, caller: Principal, user_id: str, may_see: Callable[[str], bool], *, field: str = "user_id"
) -> tuple[User, list[User]]:
    """The user, locked, and the other administrators of his team and of the platform, who keep their roles meanwhile.

    may_see: whether the caller may touch users of a team. field: what a refusal of the user's role names.
    Raises NotFound for another team's user and one who was deleted, PermissionDenied when the user may do what the
    caller may not.
    """
    user = await tx.users.find(user_id)
    if user is None or user.deleted or not may_see(user.team):
        raise no_user()
    # Read again under the lock: two admins who end each other at once must not both succeed.
    administrators = await tx.users.lock_administrators(user.team)
    user = await tx.users.lock(user_id)
    if user is None or user.deleted:
        raise no_user()
    check_holds(caller, (await role_named(tx.roles, user.role, user.team)).scopes, field)
    return user, [each for each in administrators if each.id != user_id]


def check_not_last(user: User, others: list[User], *, role_after: str = "") -> None:
    """Somebody must be left who can let people in. role_after: empty when the user leaves.

    Raises FailedPrecondition for the last operator, and for the last admin of a team.
    """
    if not user.active:
        return
    operates = any(each.role == OPERATOR_ROLE for each in others)
    if user.role == OPERATOR_ROLE and role_after != OPERATOR_ROLE and not operates:
        raise FailedPrecondition(
            "user_id: the last operator stays; name another operator first", reason="LAST_OPERATOR"
        )
    administers = any(each.team == user.team for each in others)
    if user.role in ADMINISTRATORS and role_after not in ADMINISTRATORS and not administers:
        raise FailedPrecondition(
            "user_id: the last admin of a team stays; name another admin first", reason="LAST_ADMIN"
        )
