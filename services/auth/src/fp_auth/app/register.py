"""Somebody asks for an account for himself, where the operator lets everybody in: an invitation to oneself."""

from fp_kernel import Clock, FailedPrecondition, new_id
from fp_telemetry import get_logger

from fp_auth.app.links import HOUR, Letter, Links
from fp_auth.app.mail_ports import MailTemplate
from fp_auth.app.ports import Transactions
from fp_auth.domain import account_links, invitations
from fp_auth.domain.invitations import Invitation
from fp_auth.domain.users import DEFAULT_ROLE, parse_email, typed_email

_log = get_logger(__name__)


class RequestRegistration:
    """Answers the same whoever asks with which address: of one that has an account only the mail says so.

    Both take the same statements, and the mail is sent a moment later, so that the time of the answer shows nothing.
    """

    def __init__(self, transactions: Transactions, links: Links, clock: Clock, *, team: str) -> None:
        """team: whose viewers they become; empty where nobody registers himself."""
        self._transactions = transactions
        self._links = links
        self._clock = clock
        self._team = team

    async def __call__(self, email: str) -> None:
        """Raises InvalidArgument, FailedPrecondition where nobody registers himself."""
        if not self._team:
            raise registration_off()
        typed, email = typed_email(email), parse_email(email)
        async with self._transactions() as tx:
            now = self._clock.now()
            known = [await tx.users.find_by_email(each) for each in (typed, email)]
            # Neither limit is said: it would show that somebody asked with the address before.
            if await tx.invitations.count_since(email, now - HOUR, to_oneself=True) >= account_links.MOST_AN_HOUR:
                return
            most = invitations.MOST_REGISTRATIONS
            if await tx.invitations.count_registrations(now, most) >= most:
                _log.warning("too many registrations wait; further ones get no mail", most=most)
                return
            code, ends = self._links.code(), now + invitations.LIFE
            asked = Invitation(new_id(), self._team, email, DEFAULT_ROLE, "", now, ends)
            await tx.invitations.add(asked, account_links.token_hash(code))
            letter = Letter(email, MailTemplate.REGISTRATION, {}, "accept-invitation", ends)
            if any(known):
                letter, code = Letter(email, MailTemplate.ACCOUNT_EXISTS, {}, "login", ends), ""
            await self._links.post(tx, letter, code, now, at_once=False)


def registration_off() -> FailedPrecondition:
    return FailedPrecondition("nobody registers himself here; ask an admin to invite you", reason="REGISTRATION_OFF")
