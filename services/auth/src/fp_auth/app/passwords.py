"""Another password: by its owner, by a link that an admin or the owner asked for."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from fp_kernel import Clock, FailedPrecondition, Principal, ResourceExhausted, invalid, parse_id

from fp_auth.app.account_access import lock_administered
from fp_auth.app.account_ports import LinkReads
from fp_auth.app.end_sessions import end_every_session
from fp_auth.app.links import Delivery, Links, bad_link
from fp_auth.app.mail_ports import Mail, MailTemplate
from fp_auth.app.password_policy import PasswordPolicy
from fp_auth.app.ports import PasswordHasher, Transaction, Transactions, Users
from fp_auth.app.send_mails import MailQueue
from fp_auth.app.session import admitted
from fp_auth.app.verify_password import VerifyPassword
from fp_auth.domain import account_links
from fp_auth.domain.account_links import LinkKind
from fp_auth.domain.events import IdentityEnded
from fp_auth.domain.users import User, parse_email
from fp_auth.domain.withdrawals import USER, logins_before

_PASSWORD_CHANGED = "password_changed"  # noqa: S105 -- the reason of an event
_NOTICE_LIFE = timedelta(days=3)


class SetPassword:
    """Stores a new password, ends the sessions of the old one and says so by mail: who did not change it must know."""

    def __init__(self, policy: PasswordPolicy, hasher: PasswordHasher, queue: MailQueue) -> None:
        self._policy = policy
        self._hasher = hasher
        self._queue = queue

    async def hashed(self, user: User, password: str) -> str:
        """Raises InvalidArgument naming `new_password`."""
        self._policy.check(password, email=user.email, name=user.name, team=user.team, field="new_password")
        return await self._hasher.hash(password)

    async def __call__(
        self, tx: Transaction, user: User, password_hash: str, now: datetime, *, spared: str = ""
    ) -> None:
        """spared: the session that goes on."""
        await tx.users.set_password_hash(user.id, password_hash)
        before = await end_every_session(tx, user.id, now, "password", spared=spared)
        ended = await tx.withdrawals.add(logins_before(USER, user.id, before, spared_session=spared))
        tx.outbox.add(IdentityEnded(ended, user.team, _PASSWORD_CHANGED, before, user.id))
        said = {"name": user.name or user.email, "changed_at": f"{now.day} {now:%B %Y, %H:%M} UTC"}
        mail = Mail(user.email, MailTemplate.PASSWORD_CHANGED, said)
        await self._queue.add(tx, mail, user_id=user.id, now=now, expires=now + _NOTICE_LIFE, at_once=False)


class ChangePassword:
    """His other sessions end, his keys and jobs go on."""

    def __init__(
        self, users: Users, transactions: Transactions, verify: VerifyPassword, set_password: SetPassword, clock: Clock
    ) -> None:
        self._users = users
        self._transactions = transactions
        self._verify = verify
        self._set_password = set_password
        self._clock = clock

    async def __call__(self, caller: Principal, old: str, new: str, *, address: str) -> None:
        """The old one is asked for like at a login, guesses at it counted: the caller may sit at somebody's screen.

        Raises InvalidArgument, PermissionDenied, Unauthenticated, ResourceExhausted, FailedPrecondition for an account
        without a password.
        """
        user = await self._users.find(caller.user_id)
        if user is None or not user.password_hash:
            raise FailedPrecondition("this account has no password; it signs in elsewhere", reason="NO_PASSWORD")
        if not old:
            raise invalid("old_password", "must not be empty")
        attempt = await self._verify(user.email, old, address=address)
        await self._verify.forgive(attempt)
        hashed = await self._set_password.hashed(user, new)
        async with self._transactions() as tx:
            user = await admitted(tx, caller.user_id)
            await self._set_password(tx, user, hashed, self._clock.now(), spared=caller.session_id)


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
        # The limit is not reported: that would show that there is such an account.
        with suppress(ResourceExhausted):
            async with self._transactions() as tx:
                await self._links.make(tx, user, LinkKind.PASSWORD_RESET, self._clock.now(), requested_by="")


class CompletePasswordReset:
    def __init__(
        self, users: Users, links: LinkReads, transactions: Transactions, set_password: SetPassword, clock: Clock
    ) -> None:
        self._users = users
        self._links = links
        self._transactions = transactions
        self._set_password = set_password
        self._clock = clock

    async def __call__(self, token: str, new: str) -> User:
        """Ends all sessions. Raises InvalidArgument for a link that is unknown, used or over, and for the password."""
        digest, kind = account_links.token_hash(token), LinkKind.PASSWORD_RESET
        # Before what costs: nobody without a link keeps the processor busy.
        known = await self._links.find(digest, kind, self._clock.now())
        user = await self._users.find(known.user_id) if known else None
        if user is None:
            raise bad_link()
        hashed = await self._set_password.hashed(user, new)
        async with self._transactions() as tx:
            now = self._clock.now()
            link = await tx.account_links.take(digest, kind, now)
            if link is None:
                raise bad_link()
            user = await admitted(tx, link.user_id)
            await tx.account_links.void(user.id, kind, now)
            # An admin may have been shown a link that he asked for, so that it says nothing of who reads the mails.
            if link.email == user.email and not link.requested_by:
                await tx.users.set_email_verified(user.id, now)
            await self._set_password(tx, user, hashed, now)
        return user
