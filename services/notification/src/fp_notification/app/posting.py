"""Notifications and what has to be done about them, in one transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fp_notification.app.ports import Delivery, Transaction
from fp_notification.domain.notifications import Attempt, Notification, Status
from fp_notification.domain.recipients import Channel, ChannelSetting
from fp_notification.domain.targets import destination


@dataclass(frozen=True, slots=True)
class Post:
    """settings: of the recipient's channels. due_in: seconds before which no worker takes it."""

    notification: Notification
    settings: Sequence[ChannelSetting] = ()
    due_in: float = 0.0


async def post(tx: Transaction, posts: Sequence[Post]) -> int:
    """How many notifications are new; nothing is done for those that were there before.

    What is shown in the application has arrived with the row and publishes no event: a row for each member of a team
    once filled the stream that nobody read. What leaves waits for a worker.
    """
    new = await tx.notifications.add([each.notification for each in posts])
    made = [each for each in posts if each.notification.id in new]
    await tx.attempts.add(
        [_arrived(each.notification) for each in made if Channel.IN_APP in each.notification.channels]
    )
    await tx.deliveries.add([leaving for each in made for leaving in _leaving(each)])
    return len(made)


def _leaving(each: Post) -> Iterable[Delivery]:
    for setting in each.settings:
        if setting.channel in each.notification.channels and setting.channel is not Channel.IN_APP:
            called = destination(setting.target, each.notification.team)
            yield Delivery(each.notification, setting.channel, called, each.due_in)


def _arrived(notification: Notification) -> tuple[Notification, Attempt]:
    arrived = Attempt(notification.id, Channel.IN_APP, Status.DELIVERED, 1, 0, "", notification.created_at)
    return notification, arrived
