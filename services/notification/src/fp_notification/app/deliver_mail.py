"""Make one attempt to send a mail."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from fp_kernel import Clock
from fp_telemetry import get_logger

from fp_notification.app.mail_ports import Letters, MailLease, MailSender, MailTransactions
from fp_notification.domain.breaker import BreakerPolicy, is_fault
from fp_notification.domain.delivery import Backoff, judge
from fp_notification.domain.notifications import Status

_EXPIRED: Final = "EXPIRED"
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Sent:
    """response_code: of the mail server, 0 when it gave none."""

    status: Status
    response_code: int


class DeliverMail:
    def __init__(
        self,
        transactions: MailTransactions,
        sender: MailSender,
        letters: Letters,
        backoff: Backoff,
        breaker: BreakerPolicy,
        *,
        clock: Clock,
        observe: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._transactions = transactions
        self._sender = sender
        self._letters = letters
        self._backoff = backoff
        self._breaker = breaker
        self._clock = clock
        self._observe = observe

    async def __call__(self, lease: MailLease) -> Sent:
        """Send, then store what came of it: a process that dies between the two sends the same mail again, under the
        same Message-ID. Raises LeaseLost when another process has taken over.
        """
        if lease.mail.over(self._clock.now()):
            return await self._give_up(lease)
        answer = await self._sender.send(lease.mail.to, self._letters.account(lease.mail))
        verdict = judge(answer, lease.attempt, self._backoff, random.random)
        async with self._transactions() as tx:
            await tx.mails.close(lease, verdict.status, verdict.pause, answer.code)
            if is_fault(answer):
                await tx.mails.count_fault(self._breaker)
            elif verdict.status is Status.DELIVERED:
                await tx.mails.forget_faults()
        self._observe(verdict.status)
        return Sent(verdict.status, answer.code)

    async def _give_up(self, lease: MailLease) -> Sent:
        """A link that is worth nothing would only puzzle its reader."""
        _log.warning("a mail is given up: what it is about has ended", mail_id=lease.id, attempts=lease.attempt - 1)
        async with self._transactions() as tx:
            await tx.mails.close(replace(lease, attempt=lease.attempt - 1), Status.FAILED, 0.0, 0)
        self._observe(_EXPIRED)
        return Sent(Status.FAILED, 0)
