"""Whether a user may do something, and why."""

from dataclasses import dataclass

from fp_kernel import NotFound, PermissionDenied, Principal, parse_id

from fp_auth.app.ports import Stores
from fp_auth.app.session import role_named
from fp_auth.domain.scopes import covers, permission
from fp_auth.domain.users import User


@dataclass(frozen=True, slots=True)
class Decision:
    """reason: one sentence, never empty."""

    allowed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class CheckPermission:
    stores: Stores

    async def __call__(self, caller: Principal, *, user_id: str, resource: str, action: str) -> Decision:
        """About the role that the user has now, whatever an older token says.

        Raises InvalidArgument, PermissionDenied for who asks about another one, NotFound.
        """
        wanted = permission(resource, action)
        user = await self._user(caller, user_id)
        role = await role_named(self.stores.roles, user.role)
        allowed = covers(role.scopes, wanted)
        return Decision(allowed, f"role {role.name} {'grants' if allowed else 'does not grant'} {wanted}")

    async def _user(self, caller: Principal, user_id: str) -> User:
        wanted = parse_id(user_id or caller.user_id, "user_id")
        if wanted != caller.user_id and not (caller.is_service or caller.may("users:read")):
            raise PermissionDenied("user_id: only an admin may ask about another user")
        user = await self.stores.users.find(wanted)
        # A service that acts for nobody asks about anybody: it could name any team anyway.
        anybody = caller.is_service and not caller.team
        if user is None or not (anybody or user.team == caller.team):
            raise NotFound("user_id: no such user", reason="USER_NOT_FOUND")
        return user
