"""A new run of an experiment."""

from fp_kernel import Clock, Command, Principal, new_id

from fp_experiment.app.ports import Transactions
from fp_experiment.app.refusals import no_experiment
from fp_experiment.app.run_lineage import of_run
from fp_experiment.domain.events import RunCreated
from fp_experiment.domain.runs import NewRun, Run, RunSource, RunStatus


class StartRun:
    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(self, new: NewRun, caller: Principal, command: Command) -> Run:
        """Raises InvalidArgument, NotFound, FailedPrecondition when the experiment is archived."""
        new.check()
        now = self._clock.now()
        run = Run(
            id=new_id(now),
            team=caller.team,
            experiment_id=new.experiment_id,
            display_name=new.display_name,
            status=RunStatus.RUNNING,
            source=RunSource.API,
            model_version_id=new.model_version_id,
            owner_id=caller.user_id,
            started_at=now,
            execution_id=new.execution_id,
            inputs=tuple(new.inputs),
            params=dict(new.params),
        )
        async with self._transactions(command) as tx:
            # The lock is shared with other starts and excludes an archive.
            experiment = await tx.experiments.shared(caller.team, new.experiment_id)
            if experiment is None:
                raise no_experiment()
            experiment.check_open()
            await tx.runs.add(run)
            await tx.runs.add_params(run.id, new.params)
            await tx.lineage.record(run.team, of_run(run, experiment))
            tx.outbox.add(RunCreated(run))
            await tx.complete(run)
        return run
