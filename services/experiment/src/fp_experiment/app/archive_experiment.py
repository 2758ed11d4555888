"""Take an experiment out of the lists; its runs stay readable."""

from dataclasses import dataclass

from fp_kernel import Clock, Command, Principal

from fp_experiment.app.missing import no_experiment
from fp_experiment.app.ports import Transactions
from fp_experiment.domain.experiments import Experiment


@dataclass(frozen=True, slots=True)
class ArchiveExperiment:
    transactions: Transactions
    clock: Clock

    async def __call__(self, experiment_id: str, caller: Principal, command: Command) -> Experiment:
        """Raises NotFound. A second time changes nothing."""
        async with self.transactions(command) as tx:
            found = await tx.experiments.locked(caller.team, experiment_id)
            if found is None:
                raise no_experiment()
            archived = found.archived(self.clock.now())
            await tx.experiments.save(archived)
            await tx.complete(command, archived)
        return archived
