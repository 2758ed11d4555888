"""Take a mail about an account, to be sent by a worker."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from fp_kernel import Clock, Command, new_id
from fp_telemetry import correlation_id, inject

from fp_notification.app.mail_ports import MailTransactions
from fp_notification.app.refusals import mail_not_configured
from fp_notification.domain.mails import Mail, MailTemplate, check_parameters, parse_address

Fingerprint = Callable[[bytes], bytes]


class SendMail:
    """configured: whether the platform has a mail server. fingerprint: a keyed digest. The log of commands stores
    one of the request for a day, and a plain one would give an address away to whoever guesses it.
    """

    def __init__(
        self, transactions: MailTransactions, clock: Clock, fingerprint: Fingerprint, *, configured: bool
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._fingerprint = fingerprint
        self._configured = configured

    async def __call__(
        self,
        to: str,
        template: MailTemplate,
        parameters: Mapping[str, str],
        command: Command,
        *,
        expires_at: datetime | None = None,
    ) -> str:
        """The id of the mail. expires_at: it is not sent later.

        Raises InvalidArgument naming the field, FailedPrecondition without a mail server.
        """
        if not self._configured:
            raise mail_not_configured()
        now = self._clock.now()
        trace: dict[str, str] = {}
        inject(trace)
        mail = Mail(
            id=new_id(now),
            team=command.team,
            template=template,
            created_at=now,
            to=parse_address(to, "to"),
            parameters=check_parameters(template, parameters),
            correlation_id=correlation_id.get(),
            trace=trace,
            expires_at=expires_at,
        )
        guarded = replace(command, fingerprint=self._fingerprint(command.fingerprint)) if command.key else command
        async with self._transactions(guarded) as tx:
            await tx.mails.add(mail)
            await tx.complete(mail.id)
        return mail.id
