"""Links that are good once, and the mails that carry them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from fp_kernel import InvalidArgument, ResourceExhausted

from fp_auth.app.mail_ports import Mail, MailTemplate, StoredMail
from fp_auth.app.ports import Random, Transaction
from fp_auth.app.send_mails import MailQueue, SendMail
from fp_auth.domain import account_links
from fp_auth.domain.account_links import LinkKind, in_words
from fp_auth.domain.users import User

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, repr=False)
class Delivery:
    """link: only where the platform sends no mail, for whoever hands it over by himself."""

    mailed: bool
    link: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, repr=False)
class Made:
    mail: StoredMail
    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, repr=False)
class Letter:
    """A mail with a link in it. page: of the gateway, where the link leads. user_id: whose data the mail is."""

    to: str
    template: MailTemplate
    parameters: Mapping[str, str]
    page: str
    expires: datetime
    user_id: str = ""


class Links:
    """Makes a link and the mail that carries it, and answers how it reaches its reader.

    public_url: where people reach the platform, without a slash at its end.
    """

    def __init__(self, random: Random, queue: MailQueue, send: SendMail, *, public_url: str) -> None:
        self._random = random
        self._queue = queue
        self._send = send
        self._public_url = public_url

    def code(self) -> str:
        """What the link proves; stored as a digest."""
        return account_links.raw_token(self._random(account_links.ENTROPY_BYTES))

    async def make(self, tx: Transaction, user: User, kind: LinkKind, now: datetime, *, requested_by: str) -> Made:
        """requested_by: empty for somebody who had not logged in; then `deliver` is not called, and the mail is sent a
        moment later: the time of the answer must not show whether there is such an account.

        Raises ResourceExhausted after too many within an hour.
        """
        if await tx.account_links.count_since(user.id, kind, now - HOUR) >= account_links.MOST_AN_HOUR:
            raise too_many("account")
        code = self.code()
        link = account_links.new_link(kind, user.id, user.email, requested_by, now)
        await tx.account_links.add(link, account_links.token_hash(code))
        reset = kind is LinkKind.PASSWORD_RESET
        letter = Letter(
            user.email,
            MailTemplate.PASSWORD_RESET if reset else MailTemplate.VERIFY_EMAIL,
            {"name": user.name},
            "reset-password" if reset else "verify-email",
            link.expires_at,
            user.id,
        )
        return await self.post(tx, letter, code, now, at_once=bool(requested_by))

    async def post(self, tx: Transaction, letter: Letter, code: str, now: datetime, *, at_once: bool) -> Made:
        """Queue the mail. code: empty for a link that proves nothing. at_once: `deliver` follows after the commit."""
        url, parameters = f"{self._public_url}/{letter.page}", dict(letter.parameters)
        if code:
            url, parameters["valid_for"] = f"{url}?token={code}", in_words(letter.expires - now)
        parameters["link"] = url
        mail = Mail(letter.to, letter.template, parameters)
        stored = await self._queue.add(
            tx, mail, user_id=letter.user_id, now=now, expires=letter.expires, at_once=at_once
        )
        return Made(stored, url, letter.expires)

    async def deliver(self, made: Made) -> Delivery:
        """After the commit."""
        mailed = await self._send(made.mail)
        return Delivery(mailed, "" if mailed else made.url, made.expires_at)


def bad_link() -> InvalidArgument:
    return InvalidArgument("token: the link is unknown, used or over; ask for a new one", reason="LINK_INVALID")


def too_many(what: str) -> ResourceExhausted:
    return ResourceExhausted(
        f"too many links for this {what}; use the newest one, or wait", reason="TOO_MANY_LINKS", retry_after=600.0
    )
