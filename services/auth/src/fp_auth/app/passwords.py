"""Another password: by its owner, by a link that an admin or the owner asked for."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from fp_kernel import Clock, FailedPrecondition, Principal, ResourceExhausted, invalid, parse_id

from fp_auth.app.account_access import lock_administered
from fp_auth.app.end_sessions import end_every_session
from fp_auth.app.links import Delivery, Links, bad_link
from fp_auth.app.ports import PasswordHasher, Transaction, Transactions, Users
from fp_auth.app.session import admitted
from fp_auth.app.verify_password import VerifyPassword
from fp_auth.domain import account_links
from fp_auth.domain.account_links import LinkKind
from fp_auth.domain.events import IdentityEnded
from fp_auth.domain.passwords import check_password
from fp_auth.domain.users import User, parse_email
from fp_auth.domain.withdrawals import USER, logins_before

_PASSWORD_CHANGED = "password_changed"  # noqa: S105 -- the reason of an event


class ChangePassword:
    """His other sessions end, his keys and jobs go on."""

    def __init__(
        self, users: Users, transactions: Transactions, verify: VerifyPassword, hasher: PasswordHasher, clock: Clock
    ) -> None:
        self._users = users
        self._transactions = transactions
        self._verify = verify
        self._hasher = hasher
        self._clock = clock

    async def __call__(self, caller: Principal, old: str, new: str, *, address: str) -> None:
        """The old one is asked for like at a login, guesses at it counted: the caller may sit at somebody's screen.

        Raises InvalidArgument, PermissionDenied, Unauthenticated, ResourceExhausted, FailedPrecondition for an account
        without a password.
        """
        user = await self._users.find(caller.user_id)
        if user is None or not user.password_hash:
            raise FailedPrecondition("this account has no password; it signs in elsewhere", reason="NO_PASSWORD")
        check_password(new, email=user.email, field="new_password")
        if not old:
            raise invalid("old_password", "must not be empty")
        attempt = await self._verify(user.email, old, address=address)
        await self._verify.forgive(attempt)
        hashed = await self._hasher.hash(new)
        async with self._transactions() as tx:
            user = await admitted(tx, caller.user_id)
            await set_password(tx, user, hashed, self._clock.now(), actor=user.id, spared=caller.session_id)


class ResetUserPassword:
    """An admin lets somebody choose a new password; he never learns it, nor the link where mails are sent."""

    def __init__(self, transactions: Transactions, links: Links, clock: Clock) -> None:
        self._transactions = transactions
        self._links = links
        self._clock = clock

    async def __call__(self, caller: Principal, user_id: str, *, may_see: Callable[[str], bool]) -> Delivery:
        """Raises InvalidArgument, NotFound, PermissionDenied, FailedPrecondition, ResourceExhausted."""
        user_id = parse_id(user_id, "user_id")
        async with self._transactions() as tx:
            user, _ = await lock_administered(tx, caller, user_id, may_see)
            if not user.active:
                raise FailedPrecondition("user_id: the account is disabled; enable it first", reason="USER_DISABLED")
            if not user.password_hash:
                # With a password it would outlive the group that let its owner in.
                raise FailedPrecondition("user_id: the account signs in elsewhere", reason="NO_PASSWORD")
            made = await self._links.make(
                tx, user, LinkKind.PASSWORD_RESET, self._clock.now(), requested_by=caller.user_id
            )
        return await self._links.deliver(made)


class RequestPasswordReset:
    """Answers the same whoever asks for whom, so that it does not show which addresses have an account."""

    def __init__(self, users: Users, transactions: Transactions, links: Links, clock: Clock) -> None:
        self._users = users
        self._transactions = transactions
        self._links = links
        self._clock = clock

    async def __call__(self, email: str) -> None:
        """Raises InvalidArgument."""
        user = await self._users.find_by_email(parse_email(email))
        if user is None or not user.active or not user.password_hash:
            return
        # The limit is not told: it would show that there is such an account.
        with suppress(ResourceExhausted):
            async with self._transactions() as tx:
                await self._links.make(tx, user, LinkKind.PASSWORD_RESET, self._clock.now(), requested_by="")


class CompletePasswordReset:
    def __init__(self, transactions: Transactions, hasher: PasswordHasher, clock: Clock) -> None:
        self._transactions = transactions
        self._hasher = hasher
        self._clock = clock

    async def __call__(self, token: str, new: str) -> User:
        """Ends all sessions. Raises InvalidArgument for a link that is unknown, used or over, and for the password."""
        digest = account_links.token_hash(token)
        check_password(new, field="new_password")
        hashed = await self._hasher.hash(new)
        async with self._transactions() as tx:
            now = self._clock.now()
            link = await tx.account_links.take(digest, LinkKind.PASSWORD_RESET, now)
            if link is None:
                raise bad_link()
            user = await admitted(tx, link.user_id)
            check_password(new, email=user.email, field="new_password")
            await tx.account_links.void(user.id, LinkKind.PASSWORD_RESET, now)
            if link.email == user.email:
                await tx.users.set_email_verified(user.id, now)
            await set_password(tx, user, hashed, now, actor=user.id)
        return user


async def set_password(
    tx: Transaction, user: User, password_hash: str, now: datetime, *, actor: str, spared: str = ""
) -> None:
    """spared: the session that goes on."""
    await tx.users.set_password_hash(user.id, password_hash)
    before = await end_every_session(tx, user.id, now, "password", spared=spared)
    ended = await tx.withdrawals.add(logins_before(USER, user.id, before, spared_session=spared))
    tx.outbox.add(IdentityEnded(ended, user.team, _PASSWORD_CHANGED, before, actor))
