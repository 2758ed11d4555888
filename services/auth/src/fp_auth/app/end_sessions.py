"""Sessions that end before their time, with the tokens that came from them."""

from collections.abc import Callable
from datetime import datetime, timedelta

from fp_kernel import Clock, NotFound, Principal, parse_id

from fp_auth.app.ports import Transaction, Transactions
from fp_auth.app.refusals import check_holds, no_user
from fp_auth.app.session import role_named
from fp_auth.domain.events import ApiKeyRevoked, IdentityEnded
from fp_auth.domain.users import User
from fp_auth.domain.withdrawals import API_KEY, USER, everything, logins_before, of_session

ADMINISTER_USERS = "users:admin"
LOGGED_OUT = "logged_out"
_TICK = timedelta(microseconds=1)


async def end_every_session(tx: Transaction, user_id: str, now: datetime, reason: str, *, spared: str = "") -> datetime:
    """Answers the moment before which every token of his was issued.

    It is later than now when a replica whose clock is ahead issued one: that one must end as well.
    """
    newest = await tx.sessions.end_of_user(user_id, now, reason, spared=spared)
    return now if newest is None else max(now, newest + _TICK)


async def end_every_key(tx: Transaction, user: User, now: datetime, actor: str) -> None:
    """For good: his keys, and those that were made with them."""
    for key in await tx.api_keys.lock_living(user.team, user.id):
        await tx.api_keys.save(key.revoked(now))
        await tx.withdrawals.add(everything(API_KEY, key.id, now))
        tx.outbox.add(ApiKeyRevoked(key, now, actor))


async def end_session(tx: Transaction, session_id: str, now: datetime, reason: str, actor: str) -> None:
    """The family and its access tokens."""
    await tx.sessions.end(session_id, now, reason)
    ended = await tx.withdrawals.add(of_session(session_id, now))
    # Of no team: it is nobody's business but the person's, and rules of the team would show it.
    tx.outbox.add(IdentityEnded(ended, "", LOGGED_OUT, now, actor))


class EndSession:
    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(self, caller: Principal, session_id: str, *, may_see: Callable[[str], bool]) -> None:
        """An own session, or one of a user whom the caller administers. Ending twice is no error.

        Raises InvalidArgument, NotFound, PermissionDenied.
        """
        session_id = parse_id(session_id, "session_id")
        async with self._transactions() as tx:
            session = await tx.sessions.find(session_id)
            if session is None or not await _may_end(tx, caller, session.user_id, may_see):
                raise NotFound("session_id: no such session", reason="SESSION_NOT_FOUND")
            await end_session(tx, session_id, self._clock.now(), "ended", caller.user_id)


class LogOutEverywhere:
    """Keys and jobs go on: they are no logins."""

    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(self, caller: Principal, user_id: str, *, may_see: Callable[[str], bool]) -> None:
        """Ends all sessions of the user; the caller's own one too, when it is he.

        Raises InvalidArgument, NotFound, PermissionDenied.
        """
        user_id = parse_id(user_id, "user_id")
        async with self._transactions() as tx:
            user = await tx.users.lock(user_id)
            if user is None or not await _may_end(tx, caller, user.id, may_see):
                raise no_user()
            before = await end_every_session(tx, user.id, self._clock.now(), "everywhere")
            ended = await tx.withdrawals.add(logins_before(USER, user.id, before))
            tx.outbox.add(IdentityEnded(ended, user.team, LOGGED_OUT, before, caller.user_id))


async def _may_end(tx: Transaction, caller: Principal, user_id: str, may_see: Callable[[str], bool]) -> bool:
    """Raises PermissionDenied for who may more than the caller."""
    if user_id == caller.user_id:
        return True
    user = await tx.users.find(user_id)
    if user is None or user.deleted or not caller.may(ADMINISTER_USERS) or not may_see(user.team):
        return False
    check_holds(caller, (await role_named(tx.roles, user.role, user.team)).scopes, "user_id")
    return True
