"""Take a run away; lineage goes on naming it."""

from dataclasses import dataclass

from fp_kernel import Clock, Command, Principal

from fp_experiment.app.missing import no_run
from fp_experiment.app.ports import Transactions, Unit
from fp_experiment.app.stories import of_deletion, of_end
from fp_experiment.domain.events import RunFinished
from fp_experiment.domain.runs import Run, RunStatus


@dataclass(frozen=True, slots=True)
class DeleteRun:
    transactions: Transactions
    clock: Clock

    async def __call__(self, run_id: str, caller: Principal, command: Command) -> None:
        """One at work is ended as KILLED, so that whoever follows runs hears of its end. A second time changes nothing.

        Raises NotFound. Points, parameters and metrics are removed later; nobody sees them from now on.
        """
        async with self.transactions(command) as tx:
            found = await tx.runs.locked(caller.team, run_id)
            if found is not None:
                await self._delete(tx, found, caller)
            elif not await tx.runs.was_deleted(caller.team, run_id):
                raise no_run()
            await tx.complete(command, None)

    async def _delete(self, tx: Unit, found: Run, caller: Principal) -> None:
        now = self.clock.now()
        if found.status is RunStatus.RUNNING:
            ended = found.ended(RunStatus.KILLED, now)
            await tx.runs.save(ended)
            await tx.lineage.record(ended.team, of_end(ended))
            tx.outbox.add(RunFinished(ended, caller.user_id))
        await tx.runs.delete(found, now, caller.user_id)
        await tx.lineage.record(found.team, of_deletion(found, now))
