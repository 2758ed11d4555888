"""Whether somebody reads the mail of his address."""

from fp_kernel import Clock, FailedPrecondition, Principal

from fp_auth.app.links import Delivery, Links, bad_link
from fp_auth.app.ports import Transactions
from fp_auth.app.session import admitted
from fp_auth.domain import account_links
from fp_auth.domain.account_links import LinkKind


class RequestEmailVerification:
    def __init__(self, transactions: Transactions, links: Links, clock: Clock) -> None:
        self._transactions = transactions
        self._links = links
        self._clock = clock

    async def __call__(self, caller: Principal) -> Delivery:
        """The link itself is for the mail alone: whoever is shown it proves nothing by it.

        Raises PermissionDenied, FailedPrecondition for an address that is verified, and where no mail is sent,
        ResourceExhausted after too many within an hour.
        """
        async with self._transactions() as tx:
            user = await admitted(tx, caller.user_id)
            if user.email_verified:
                raise FailedPrecondition("the e-mail address is verified", reason="EMAIL_VERIFIED")
            made = await self._links.make(
                tx, user, LinkKind.EMAIL_VERIFICATION, self._clock.now(), requested_by=user.id
            )
        delivery = await self._links.deliver(made)
        if not delivery.mailed:
            raise FailedPrecondition("the platform has no mail server", reason="MAIL_NOT_CONFIGURED")
        return delivery


class VerifyEmail:
    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(self, token: str) -> None:
        """Raises InvalidArgument for a link that is unknown, used or over, or about an address of before."""
        digest = account_links.token_hash(token)
        async with self._transactions() as tx:
            now = self._clock.now()
            link = await tx.account_links.take(digest, LinkKind.EMAIL_VERIFICATION, now)
            user = await tx.users.hold(link.user_id) if link else None
            if link is None or user is None or not user.active or user.email != link.email:
                raise bad_link()
            await tx.users.set_email_verified(user.id, now)
