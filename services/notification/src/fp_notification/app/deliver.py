"""Make one attempt to deliver."""

import random
from collections.abc import Callable

from fp_kernel import Clock, Command

from fp_notification.app.dispatch import Dispatch
from fp_notification.app.ports import Lease, Transaction, Transactions
from fp_notification.domain.breaker import BreakerPolicy, is_fault
from fp_notification.domain.delivery import Answer, Backoff, Verdict, judge
from fp_notification.domain.events import Delivered, Failed
from fp_notification.domain.notifications import Attempt, Notification, Status
from fp_notification.domain.recipients import TARGET_GONE

_BREAKER = BreakerPolicy()
_OFF = Verdict(Status.SUPPRESSED, "the channel is switched off")


class Deliver:
    """backoff: of this kind of attempt; one without delays tries once. observe: called with each outcome."""

    def __init__(
        self,
        transactions: Transactions,
        dispatch: Dispatch,
        backoff: Backoff,
        clock: Clock,
        *,
        observe: Callable[[str], None] = lambda _: None,
        breaker: BreakerPolicy = _BREAKER,
        ended: Callable[[Notification], bool] = lambda _: False,
    ) -> None:
        self._transactions = transactions
        self._dispatch = dispatch
        self._backoff = backoff
        self._clock = clock
        self._observe = observe
        self._breaker = breaker
        self._ended = ended

    async def __call__(self, lease: Lease, command: Command | None = None) -> Attempt:
        """Send, then store what came of it: a process that dies between the two sends the same message again.

        command: completed by the attempt. Raises LeaseLost when another process has taken over; that one records it.
        """
        setting = lease.setting
        if setting is None or not setting.enabled or not setting.target or self._ended(lease.notification):
            return await self._close(lease, _OFF, None, command)
        answer = await self._dispatch(lease, setting)
        verdict = judge(answer, lease.attempt, self._backoff, random.random)
        return await self._close(lease, verdict, answer, command)

    async def _close(self, lease: Lease, verdict: Verdict, answer: Answer | None, command: Command | None) -> Attempt:
        """answer: None when nothing was sent."""
        attempt = Attempt(
            notification_id=lease.notification.id,
            channel=lease.channel,
            status=verdict.status,
            number=lease.attempt,
            response_code=answer.code if answer else 0,
            error=verdict.error,
            at=self._clock.now(),
        )
        async with self._transactions(command) as tx:
            await tx.deliveries.close(lease, verdict.status, verdict.pause)
            await tx.attempts.add([(lease.notification, attempt)])
            if verdict.gone and lease.setting is not None:
                await tx.recipients.switch_off(lease.notification, lease.setting, TARGET_GONE)
            if answer is not None and is_fault(answer):
                await tx.deliveries.count_fault(lease, self._breaker)
            elif verdict.status is Status.DELIVERED:
                await tx.deliveries.forget_faults(lease)
            _publish(tx, lease.notification, attempt)
            if command is not None:
                await tx.complete(attempt)
        self._observe(verdict.status)
        return attempt


def _publish(tx: Transaction, notification: Notification, attempt: Attempt) -> None:
    if attempt.status is Status.DELIVERED:
        tx.outbox.add(Delivered(notification, attempt.channel, attempt.at))
    elif attempt.status is Status.FAILED:
        tx.outbox.add(Failed(notification, attempt.channel, attempt.number, attempt.error, attempt.at))
