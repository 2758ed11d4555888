"""Make one attempt to deliver."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass

from fp_kernel import Clock, Command

from fp_notification.app.ports import Lease, Sender, Transaction, Transactions
from fp_notification.domain.breaker import BreakerPolicy, is_fault
from fp_notification.domain.delivery import Answer, Backoff, Verdict, judge
from fp_notification.domain.events import Delivered, Failed
from fp_notification.domain.notifications import Attempt, Notification, Status
from fp_notification.domain.recipients import TARGET_GONE
from fp_notification.domain.signing import Secrets

_BREAKER = BreakerPolicy()
_OFF = Verdict(Status.SUPPRESSED, "the channel is switched off")


@dataclass(frozen=True, slots=True)
class Deliver:
    """backoff: of this kind of attempt; one without delays tries once. observe: hears how each attempt ended."""

    transactions: Transactions
    sender: Sender
    secrets: Secrets
    backoff: Backoff
    clock: Clock
    observe: Callable[[str], None] = lambda _: None
    breaker: BreakerPolicy = _BREAKER

    async def __call__(self, lease: Lease, command: Command | None = None) -> Attempt:
        """Send, then keep what came of it: a process that dies between the two sends the same message again.

        command: completed by the attempt. Raises LeaseLost when another process has taken over; it tells the outcome.
        """
        setting = lease.setting
        if setting is None or not setting.enabled or not setting.target:
            return await self._close(lease, _OFF, None, command)
        body = _body(lease.notification)
        headers = self.secrets.headers(setting.secret_id, lease.notification.id, self.clock.now(), body)
        answer: Answer = await self.sender.send(setting.target, headers, body)
        verdict = judge(answer, lease.attempt, self.backoff, random.random)
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
            at=self.clock.now(),
        )
        async with self.transactions(command) as tx:
            await tx.close(lease, verdict.status, verdict.pause)
            await tx.record([(lease.notification, attempt)])
            if verdict.gone and lease.setting is not None:
                await tx.switch_off(lease.notification, lease.setting, TARGET_GONE)
            if answer is not None and is_fault(answer):
                await tx.spare(lease, self.breaker)
            elif verdict.status is Status.DELIVERED:
                await tx.trust(lease)
            _tell(tx, lease.notification, attempt)
            if command is not None:
                await tx.complete(attempt)
        self.observe(verdict.status)
        return attempt


def _tell(tx: Transaction, notification: Notification, attempt: Attempt) -> None:
    if attempt.status is Status.DELIVERED:
        tx.emit(Delivered(notification, attempt.channel, attempt.at))
    elif attempt.status is Status.FAILED:
        tx.emit(Failed(notification, attempt.channel, attempt.number, attempt.error, attempt.at))


def _body(notification: Notification) -> bytes:
    """As Standard Webhooks recommends; the same bytes at every attempt."""
    data = {
        "notification_id": notification.id,
        "event_id": notification.event_id,
        "title": notification.title,
        "body": notification.body,
        "severity": notification.severity.name,
        "team": notification.team,
        "source": notification.source,
        "resource_id": notification.resource_id,
        "correlation_id": notification.correlation_id,
    }
    whole = {"type": notification.event_type, "timestamp": notification.created_at.isoformat(), "data": data}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()
