"""Take an experiment out of the lists; its runs stay readable."""

from fp_kernel import Clock, Command, Principal

from fp_experiment.app.ports import Transactions
from fp_experiment.app.refusals import no_experiment
from fp_experiment.domain.experiments import Experiment


class ArchiveExperiment:
    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(self, experiment_id: str, caller: Principal, command: Command) -> Experiment:
        """Raises NotFound. A second time changes nothing."""
        async with self._transactions(command) as tx:
            found = await tx.experiments.locked(caller.team, experiment_id)
            if found is None:
                raise no_experiment()
            archived = found.archived(self._clock.now())
            await tx.experiments.save(archived)
            await tx.complete(archived)
        return archived
