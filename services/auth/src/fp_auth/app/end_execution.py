"""The tokens of an execution's jobs end with it."""

from fp_kernel import Clock

from fp_auth.app.ports import Transactions
from fp_auth.domain.events import IdentityEnded
from fp_auth.domain.withdrawals import EXECUTION, everything


class EndExecution:
    """A job's token is good for as long as its step may take, a day at most: of a step that was cancelled, or ended in
    minutes, it was good for the rest of that.
    """

    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(self, execution_id: str, team: str) -> None:
        """A second time changes nothing, and neither does an execution whose jobs got no token."""
        now = self._clock.now()
        async with self._transactions() as tx:
            if not await tx.job_executions.end(execution_id, team, now):
                return
            ended = await tx.withdrawals.add(everything(EXECUTION, execution_id, now))
            tx.outbox.add(IdentityEnded(ended, team, "finished", now, ""))
