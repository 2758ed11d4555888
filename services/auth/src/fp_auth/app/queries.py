"""Reads of users, keys and permissions."""

from dataclasses import dataclass

from fp_kernel import Page, PermissionDenied, Principal, page_by_id, page_request_by_id, parse_id

from fp_auth.app.access import owner_named
from fp_auth.app.ports import ApiKeys, Roles, Users
from fp_auth.app.refusals import no_user
from fp_auth.app.session import role_named
from fp_auth.domain.api_keys import ApiKey
from fp_auth.domain.scopes import covers, permission
from fp_auth.domain.users import User, parse_email


@dataclass(frozen=True, slots=True)
class Decision:
    """reason: one sentence, never empty."""

    allowed: bool
    reason: str


class Queries:
    def __init__(self, users: Users, roles: Roles, api_keys: ApiKeys) -> None:
        self._users = users
        self._roles = roles
        self._api_keys = api_keys

    async def users(self, team: str, *, page_size: int, page_token: str, email: str = "") -> Page[User]:
        """The users of one team; of an address the one who has it. Raises InvalidArgument."""
        if email:
            found = await self._users.find_by_email(parse_email(email))
            return Page((found,) if found and found.team == team else (), "")
        scope = ("users", team)
        request = page_request_by_id(page_size, page_token, scope=scope)
        return page_by_id(await self._users.page(team, request), request, scope=scope)

    async def api_keys(
        self, caller: Principal, *, user_id: str, include_revoked: bool, page_size: int, page_token: str
    ) -> Page[ApiKey]:
        """The keys of one user. Raises InvalidArgument, PermissionDenied, NotFound."""
        owner = await owner_named(self._users, caller, user_id)
        scope = ("api-keys", owner.team, owner.id, str(include_revoked))
        request = page_request_by_id(page_size, page_token, scope=scope)
        rows = await self._api_keys.page(owner.team, owner.id, request, include_revoked=include_revoked)
        return page_by_id(rows, request, scope=scope)

    async def permission(self, caller: Principal, *, user_id: str, resource: str, action: str) -> Decision:
        """Whether a user may do something, by the role that he has now, whatever an older token says.

        Raises InvalidArgument, PermissionDenied for who asks about another one, NotFound.
        """
        wanted = permission(resource, action)
        user = await self._asked_about(caller, user_id)
        role = await role_named(self._roles, user.role, user.team)
        if not user.active:
            return Decision(allowed=False, reason="the account is disabled")
        allowed = covers(role.scopes, wanted)
        return Decision(allowed, f"role {role.name} {'grants' if allowed else 'does not grant'} {wanted}")

    async def _asked_about(self, caller: Principal, user_id: str) -> User:
        wanted = parse_id(user_id or caller.user_id, "user_id")
        if wanted != caller.user_id and not (caller.is_service or caller.may("users:read")):
            raise PermissionDenied("user_id: only an admin may ask about another user")
        user = await self._users.find(wanted)
        # A service that acts for nobody asks about anybody: it could name any team anyway.
        anybody = caller.is_service and not caller.team
        if user is None or user.deleted or not (anybody or user.team == caller.team):
            raise no_user()
        return user
