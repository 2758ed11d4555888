"""End a run."""

from fp_kernel import Clock, Command, Principal

from fp_experiment.app.own_run import own_run
from fp_experiment.app.ports import Transactions
from fp_experiment.app.run_lineage import of_end
from fp_experiment.domain.events import RunFinished
from fp_experiment.domain.runs import Run, RunStatus


class UpdateRunStatus:
    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(self, run_id: str, status: RunStatus, caller: Principal, command: Command) -> Run:
        """RUNNING -> FINISHED, FAILED or KILLED; the same end again changes and publishes nothing.

        Raises InvalidArgument, NotFound, FailedPrecondition when it ended otherwise.
        """
        async with self._transactions(command) as tx:
            # The lock waits for points that are being written, so that the event has all of them.
            found = await own_run(tx, caller, run_id)
            run = found.ended(status, self._clock.now())
            if run is not found:
                await tx.runs.save(run)
                await tx.lineage.record(run.team, of_end(run))
                tx.outbox.add(RunFinished(run, caller.user_id))
            await tx.complete(run)
        return run
