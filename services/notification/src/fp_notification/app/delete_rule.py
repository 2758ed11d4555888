"""Delete a rule of a team."""

from fp_kernel import Command, Principal
from fp_kernel.revisions import check_revision

from fp_notification.app.ports import Transactions
from fp_notification.app.refusals import no_rule
from fp_notification.domain.recipients import RecipientKind


class DeleteRule:
    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def __call__(self, caller: Principal, rule_id: str, command: Command, *, expected: int | None = None) -> None:
        """What still waits to be delivered for it is suppressed. Raises NotFound, Aborted when it has another revision
        than the expected one.
        """
        async with self._transactions(command) as tx:
            if expected is not None:
                present = await tx.recipients.lock(caller.team, rule_id)
                if present is None or present.kind is not RecipientKind.RULE:
                    raise no_rule()
                check_revision(expected, present.revision, changed_by=present.changed_by or present.created_by)
            if not await tx.recipients.delete_rule(caller.team, rule_id):
                raise no_rule()
            await tx.complete(None)
