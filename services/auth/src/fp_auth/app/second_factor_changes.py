"""What every change of a second factor does besides: sessions end, and its owner gets a mail."""

from datetime import UTC, datetime, timedelta

from fp_auth.app.end_sessions import end_every_session
from fp_auth.app.mail_ports import Mail, MailTemplate
from fp_auth.app.ports import Transaction
from fp_auth.app.send_mails import MailQueue
from fp_auth.domain.events import IdentityEnded
from fp_auth.domain.users import User
from fp_auth.domain.withdrawals import USER, logins_before

_REASON = "second_factor"
_MAIL_LIFE = timedelta(days=1)


class SecondFactorChanges:
    def __init__(self, queue: MailQueue) -> None:
        self._queue = queue

    async def mail(self, tx: Transaction, user: User, change: str, now: datetime) -> None:
        """change: what became of it, as its owner reads it. Nobody waits for the mail."""
        changed_at = f"{now.astimezone(UTC):%d %B %Y, %H:%M} UTC"
        parameters = {"name": user.name or user.email, "change": change, "changed_at": changed_at}
        mail = Mail(user.email, MailTemplate.SECOND_FACTOR_CHANGED, parameters)
        await self._queue.add(tx, mail, user_id=user.id, now=now, expires=now + _MAIL_LIFE, at_once=False)

    async def end_sessions(self, tx: Transaction, user: User, now: datetime, *, actor: str, spared: str = "") -> None:
        """spared: the session that goes on."""
        before = await end_every_session(tx, user.id, now, _REASON, spared=spared)
        ended = await tx.withdrawals.add(logins_before(USER, user.id, before, spared_session=spared))
        tx.outbox.add(IdentityEnded(ended, user.team, _REASON, before, actor))
