"""Send a test message."""

from uuid import NAMESPACE_URL, uuid5

from fp_kernel import Aborted, Clock, Command, Principal, new_id

from fp_notification.app.deliver import Deliver
from fp_notification.app.ports import LeaseLost, Transactions
from fp_notification.app.posting import Post, post
from fp_notification.app.refusals import no_rule, switched_off
from fp_notification.domain.notifications import Attempt, Notification
from fp_notification.domain.recipients import Channel, Recipient, RecipientKind
from fp_notification.domain.severity import Severity

EVENT_TYPE = "fp.notifications.tested"


class TryChannel:
    """deliver: tries once. lease: seconds after which a worker takes over what a process that died left behind."""

    def __init__(self, transactions: Transactions, deliver: Deliver, lease: float, clock: Clock) -> None:
        self._transactions = transactions
        self._deliver = deliver
        self._lease = lease
        self._clock = clock

    async def __call__(self, caller: Principal, channel: Channel, rule_id: str, command: Command) -> Attempt:
        """rule_id: empty for the caller's own channel. One attempt, whatever comes of it.

        Raises NotFound for a rule that is not there, FailedPrecondition for a channel that is switched off.
        """
        recipient_id, event_id = rule_id or caller.user_id, _event_id(command)
        async with self._transactions() as tx:
            recipient = await tx.recipients.lock(caller.team, recipient_id)
            # The id of a person is no rule's: his own webhook is nobody else's to try.
            if rule_id and (recipient is None or recipient.kind is not RecipientKind.RULE):
                raise no_rule()
            recipient = recipient or Recipient(caller.team, recipient_id, RecipientKind.USER)
            setting = recipient.channel(channel)
            if setting is None or not setting.enabled:
                raise switched_off(channel)
            notification = self._write(recipient, channel, event_id)
            # Sent by this call and not by a worker, unless this process dies.
            if not await post(tx, [Post(notification, (setting,), self._lease)]):
                notification = await tx.notifications.find(caller.team, recipient_id, event_id) or notification
            lease = await tx.deliveries.take(notification, channel, self._lease)
        if lease is None:
            return await self._ended(notification, channel, command)
        try:
            return await self._deliver(lease, command)
        except LeaseLost:
            raise Aborted("the same test is under way", retry_after=1.0) from None

    async def _ended(self, notification: Notification, channel: Channel, command: Command) -> Attempt:
        """Shown in the application it has arrived; what leaves was sent by the first call, or by a worker after it."""
        async with self._transactions(command) as tx:
            attempt = await tx.attempts.last(notification, channel)
            if attempt is None:
                raise Aborted("the same test is under way", retry_after=1.0)
            await tx.complete(attempt)
        return attempt

    def _write(self, recipient: Recipient, channel: Channel, event_id: str) -> Notification:
        now = self._clock.now()
        return Notification(
            id=new_id(now),
            team=recipient.team,
            recipient=recipient.id,
            kind=recipient.kind,
            event_id=event_id,
            event_type=EVENT_TYPE,
            source="notification",
            resource_id=recipient.id,
            severity=Severity.INFO,
            title="Test message",
            body="This channel works.",
            channels=(channel,),
            created_at=now,
        )


def _event_id(command: Command) -> str:
    """The same for a command that is repeated, so that its message keeps its id."""
    if not command.key:
        return new_id()
    return str(uuid5(NAMESPACE_URL, f"{command.rpc}/{command.team}/{command.key}"))
