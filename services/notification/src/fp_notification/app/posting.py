"""A notification and what has to be done about it, in one transaction."""

from fp_notification.app.ports import Transaction
from fp_notification.domain.events import Delivered
from fp_notification.domain.notifications import Attempt, Notification, Status
from fp_notification.domain.recipients import Channel


async def post(tx: Transaction, notification: Notification, *, due_in: float = 0.0) -> bool:
    """False when the recipient was told of the event before; then nothing is done.

    What is shown in the application has arrived with the row; what leaves the house waits for a worker.
    """
    if not await tx.add_notification(notification):
        return False
    for channel in notification.channels:
        if channel is Channel.IN_APP:
            arrived = Attempt(notification.id, channel, Status.DELIVERED, 1, 0, "", notification.created_at)
            await tx.record(notification, arrived)
            tx.emit(Delivered(notification, channel, notification.created_at))
        else:
            await tx.add_delivery(notification, channel, due_in=due_in)
    return True
