"""Every command of notification."""

from collections.abc import Callable
from dataclasses import dataclass

from fp_kernel import Clock

from fp_notification.app.create_rule import CreateRule
from fp_notification.app.delete_rule import DeleteRule
from fp_notification.app.deliver import Deliver
from fp_notification.app.mark_read import MarkRead
from fp_notification.app.ports import Reads, Sender, Transactions
from fp_notification.app.try_channel import TryChannel
from fp_notification.app.update_preferences import UpdatePreferences
from fp_notification.domain.delivery import Backoff
from fp_notification.domain.signing import Secrets


@dataclass(frozen=True, slots=True)
class UseCases:
    update_preferences: UpdatePreferences
    create_rule: CreateRule
    delete_rule: DeleteRule
    mark_read: MarkRead
    try_channel: TryChannel


def build(
    transactions: Transactions,
    reads: Reads,
    sender: Sender,
    secrets: Secrets,
    *,
    lease: float,
    observe: Callable[[str], None],
    clock: Clock,
) -> UseCases:
    """lease: seconds for a test that its caller sends. observe: hears how it ended."""
    once = Deliver(transactions, sender, secrets, Backoff(()), clock, observe)
    return UseCases(
        update_preferences=UpdatePreferences(transactions, reads, sender, clock),
        create_rule=CreateRule(transactions, sender, clock),
        delete_rule=DeleteRule(transactions),
        mark_read=MarkRead(transactions, clock),
        try_channel=TryChannel(transactions, once, lease, clock),
    )
