"""Delete a rule of a team."""

from dataclasses import dataclass

from fp_kernel import Command, Principal

from fp_notification.app.missing import no_rule
from fp_notification.app.ports import Transactions


@dataclass(frozen=True, slots=True)
class DeleteRule:
    transactions: Transactions

    async def __call__(self, caller: Principal, rule_id: str, command: Command) -> None:
        """What still waits to be delivered for it is suppressed. Raises NotFound."""
        async with self.transactions(command) as tx:
            if not await tx.delete_rule(caller.team, rule_id):
                raise no_rule()
            await tx.complete(None)
