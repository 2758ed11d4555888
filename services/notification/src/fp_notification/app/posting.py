"""Notifications and what has to be done about them, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

from fp_notification.app.ports import Transaction
from fp_notification.domain.notifications import Attempt, Notification, Status
from fp_notification.domain.recipients import Channel
from fp_notification.domain.targets import destination


@dataclass(frozen=True, slots=True)
class Post:
    """target: of the webhook, when it is told by one. due_in: seconds before which no worker takes it."""

    notification: Notification
    target: str = ""
    due_in: float = 0.0


async def post(tx: Transaction, posts: Sequence[Post]) -> int:
    """How many of the recipients were not told of the event before; nothing is done for those who were.

    What is shown in the application has arrived with the row, and nobody else is told so: a row for each member of a
    team is no news. What leaves the house waits for a worker.
    """
    new = await tx.add_notifications([each.notification for each in posts])
    made = [each for each in posts if each.notification.id in new]
    await tx.record([_arrived(each.notification) for each in made if Channel.IN_APP in each.notification.channels])
    leaving = [each for each in made if Channel.WEBHOOK in each.notification.channels]
    await tx.add_deliveries([(each.notification, destination(each.target), each.due_in) for each in leaving])
    return len(made)


def _arrived(notification: Notification) -> tuple[Notification, Attempt]:
    arrived = Attempt(notification.id, Channel.IN_APP, Status.DELIVERED, 1, 0, "", notification.created_at)
    return notification, arrived
