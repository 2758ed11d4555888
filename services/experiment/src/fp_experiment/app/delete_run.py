"""Take a run away; lineage goes on naming it."""

from fp_kernel import Clock, Command, Principal

from fp_experiment.app.ports import Transaction, Transactions
from fp_experiment.app.refusals import no_run
from fp_experiment.app.run_lineage import of_deletion, of_end
from fp_experiment.domain.events import RunFinished
from fp_experiment.domain.runs import Run, RunStatus


class DeleteRun:
    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(self, run_id: str, caller: Principal, command: Command) -> None:
        """One at work is ended as KILLED, so that whoever follows runs hears of its end. A second time changes nothing.

        Raises NotFound. Points, parameters and metrics are removed later; nobody sees them from now on.
        """
        async with self._transactions(command) as tx:
            found = await tx.runs.locked(caller.team, run_id)
            if found is not None:
                await self._delete(tx, found, caller)
            elif not await tx.runs.was_deleted(caller.team, run_id):
                raise no_run()
            await tx.complete(None)

    async def _delete(self, tx: Transaction, found: Run, caller: Principal) -> None:
        now = self._clock.now()
        if found.status is RunStatus.RUNNING:
            ended = found.ended(RunStatus.KILLED, now)
            await tx.runs.save(ended)
            await tx.lineage.record(ended.team, of_end(ended))
            tx.outbox.add(RunFinished(ended, caller.user_id))
        await tx.runs.delete(found, now, caller.user_id)
        await tx.lineage.record(found.team, of_deletion(found, now))
