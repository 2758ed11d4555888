"""Notifications and what has to be done about them, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

from fp_notification.app.ports import Transaction
from fp_notification.domain.notifications import Attempt, Notification, Status
from fp_notification.domain.recipients import Channel
from fp_notification.domain.targets import destination


@dataclass(frozen=True, slots=True)
class Post:
    """target: of the webhook, when there is one. due_in: seconds before which no worker takes it."""

    notification: Notification
    target: str = ""
    due_in: float = 0.0


async def post(tx: Transaction, posts: Sequence[Post]) -> int:
    """How many notifications are new; nothing is done for those that were there before.

    What is shown in the application has arrived with the row and publishes no event: a row for each member of a team
    once filled the stream that nobody read. A webhook waits for a worker.
    """
    new = await tx.notifications.add([each.notification for each in posts])
    made = [each for each in posts if each.notification.id in new]
    await tx.attempts.add(
        [_arrived(each.notification) for each in made if Channel.IN_APP in each.notification.channels]
    )
    leaving = [each for each in made if Channel.WEBHOOK in each.notification.channels]
    await tx.deliveries.add([(each.notification, destination(each.target), each.due_in) for each in leaving])
    return len(made)


def _arrived(notification: Notification) -> tuple[Notification, Attempt]:
    arrived = Attempt(notification.id, Channel.IN_APP, Status.DELIVERED, 1, 0, "", notification.created_at)
    return notification, arrived
