"""Make one attempt to send a mail."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from fp_notification.app.mail_ports import Letters, MailLease, MailSender, MailTransactions
from fp_notification.domain.breaker import BreakerPolicy, is_fault
from fp_notification.domain.delivery import Backoff, judge
from fp_notification.domain.notifications import Status


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
        observe: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._transactions = transactions
        self._sender = sender
        self._letters = letters
        self._backoff = backoff
        self._breaker = breaker
        self._observe = observe

    async def __call__(self, lease: MailLease) -> Sent:
        """Send, then store what came of it: a process that dies between the two sends the same mail again, under the
        same Message-ID. Raises LeaseLost when another process has taken over.
        """
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
