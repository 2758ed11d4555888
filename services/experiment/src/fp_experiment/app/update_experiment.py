"""Change what people say of an experiment."""

from dataclasses import dataclass

from fp_kernel import Clock, Command, Principal

from fp_experiment.app.missing import name_taken, no_experiment
from fp_experiment.app.ports import Transactions
from fp_experiment.domain.experiments import Described, Experiment


@dataclass(frozen=True, slots=True)
class UpdateExperiment:
    transactions: Transactions
    clock: Clock

    async def __call__(
        self, experiment_id: str, new: Described, fields: frozenset[str], caller: Principal, command: Command
    ) -> Experiment:
        """Raises InvalidArgument, NotFound, AlreadyExists, FailedPrecondition when it is archived."""
        async with self.transactions(command) as tx:
            found = await tx.experiments.locked(caller.team, experiment_id)
            if found is None:
                raise no_experiment()
            changed = found.with_fields(new, fields, self.clock.now())
            if not await tx.experiments.save(changed):
                raise name_taken(changed.described.name)
            await tx.complete(command, changed)
        return changed
