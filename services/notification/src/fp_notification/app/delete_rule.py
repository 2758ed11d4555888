"""Delete a rule of a team."""

from fp_kernel import Command, Principal

from fp_notification.app.ports import Transactions
from fp_notification.app.refusals import no_rule


class DeleteRule:
    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def __call__(self, caller: Principal, rule_id: str, command: Command) -> None:
        """What still waits to be delivered for it is suppressed. Raises NotFound."""
        async with self._transactions(command) as tx:
            if not await tx.recipients.delete_rule(caller.team, rule_id):
                raise no_rule()
            await tx.complete(None)
