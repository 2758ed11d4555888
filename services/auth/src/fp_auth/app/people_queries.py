"""Reads of accounts and sessions."""

from collections.abc import Callable

from fp_kernel import Clock, Page, Principal, page_by_id, page_request_by_id, parse_id

from fp_auth.app.account_ports import SessionReads
from fp_auth.app.end_sessions import ADMINISTER_USERS
from fp_auth.app.ports import Users
from fp_auth.app.refusals import no_user
from fp_auth.domain.sessions import OpenedSession, SessionPolicy
from fp_auth.domain.users import User


class PeopleQueries:
    def __init__(self, users: Users, sessions: SessionReads, policy: SessionPolicy, clock: Clock) -> None:
        self._users = users
        self._sessions = sessions
        self._policy = policy
        self._clock = clock

    async def user(self, caller: Principal, user_id: str, *, may_see: Callable[[str], bool]) -> User:
        """Raises InvalidArgument, NotFound, also for a colleague where the caller may not read users."""
        return await self._visible(caller, user_id, "users:read", may_see)

    async def sessions(
        self, caller: Principal, user_id: str, *, page_size: int, page_token: str, may_see: Callable[[str], bool]
    ) -> Page[OpenedSession]:
        """Those that have not ended. Raises InvalidArgument, NotFound, PermissionDenied."""
        user = await self._visible(caller, user_id, ADMINISTER_USERS, may_see)
        scope = ("sessions", user.team, user.id)
        request = page_request_by_id(page_size, page_token, scope=scope)
        now = self._clock.now()
        rows = await self._sessions.open_of_user(user.id, now, now - self._policy.idle, request)
        return page_by_id(rows, request, scope=scope)

    async def _visible(self, caller: Principal, user_id: str, permission: str, may_see: Callable[[str], bool]) -> User:
        return await visible_user(self._users, caller, user_id, permission, may_see)


async def visible_user(
    users: Users, caller: Principal, user_id: str, permission: str, may_see: Callable[[str], bool]
) -> User:
    """The caller himself when it is empty, another one by who has the permission. Raises InvalidArgument, NotFound."""
    wanted = parse_id(user_id, "user_id") if user_id else caller.user_id
    user = await users.find(wanted)
    others = wanted != caller.user_id
    if user is None or user.deleted or (others and not (caller.may(permission) and may_see(user.team))):
        raise no_user()
    return user
