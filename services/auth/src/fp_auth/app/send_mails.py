"""Mails about accounts, from their row to notification: at once where it answers, later where it does not."""

import json
from datetime import datetime, timedelta

from fp_kernel import Backoff, Clock, Error, FailedPrecondition, InvalidArgument, new_id
from fp_telemetry import get_logger

from fp_auth.app.mail_ports import Mail, Mailer, MailTemplate, StoredMail
from fp_auth.app.ports import Sealer, Transaction, Transactions

_LEASE = timedelta(seconds=30)
_BITE = 20
_BACKOFF = Backoff(first=5.0, longest=600.0)

_log = get_logger(__name__)


class MailQueue:
    """Stores a mail in the transaction of what it is about.

    Sealed: it has an address, and a link that lets somebody in.
    """

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    async def add(  # what a mail and its row say
        self, tx: Transaction, mail: Mail, *, user_id: str, now: datetime, expires: datetime, at_once: bool
    ) -> StoredMail:
        """user_id: whose data it is; deleting the user deletes the mail. Empty for somebody without an account.

        at_once: whoever adds it sends it right after the commit; the lease keeps the loop away meanwhile.
        """
        mail_id = new_id()
        document = json.dumps({"to": mail.to, "template": mail.template.value, "parameters": dict(mail.parameters)})
        stored = StoredMail(mail_id, self._sealer.seal(document.encode(), mail_id), expires, attempts=1)
        await tx.mail_requests.add(stored, user_id, now, now + _LEASE if at_once else now)
        return stored

    def opened(self, stored: StoredMail) -> Mail:
        document = json.loads(self._sealer.open(stored.sealed, stored.id))
        return Mail(document["to"], MailTemplate(document["template"]), document["parameters"])


class SendMail:
    """One mail, once."""

    def __init__(self, transactions: Transactions, queue: MailQueue, mailer: Mailer, clock: Clock) -> None:
        self._transactions = transactions
        self._queue = queue
        self._mailer = mailer
        self._clock = clock

    async def __call__(self, stored: StoredMail) -> bool:
        """False for a mail that nobody sends; what could not be handed over now is tried again later."""
        now = self._clock.now()
        if stored.expires_at <= now:
            _log.warning("a mail is given up: what it is about has ended", mail=stored.id, attempts=stored.attempts)
            await self._remove(stored)
            return True
        try:
            await self._mailer.send(self._queue.opened(stored), stored.id, stored.expires_at)
        except FailedPrecondition:
            await self._remove(stored)
            return False
        except InvalidArgument as refused:
            _log.error("a mail cannot be sent", mail=stored.id, reason=refused.reason)
            await self._remove(stored)
            return False
        except Error as away:
            _log.warning("a mail waits", mail=stored.id, attempts=stored.attempts, reason=away.reason)
            delay = timedelta(seconds=_BACKOFF.delay(stored.attempts, 1.0))
            async with self._transactions() as tx:
                await tx.mail_requests.postpone(stored.id, now + delay)
            return True
        await self._remove(stored)
        return True

    async def _remove(self, stored: StoredMail) -> None:
        async with self._transactions() as tx:
            await tx.mail_requests.remove(stored.id)


class SendMails:
    """Those that wait."""

    def __init__(self, transactions: Transactions, send: SendMail, clock: Clock) -> None:
        self._transactions = transactions
        self._send = send
        self._clock = clock

    async def __call__(self) -> int:
        """How many were claimed."""
        claimed = 0
        while True:
            async with self._transactions() as tx:
                mails = await tx.mail_requests.claim(self._clock.now(), _LEASE, _BITE)
            for mail in mails:
                await self._send(mail)
            claimed += len(mails)
            if len(mails) < _BITE:
                return claimed
