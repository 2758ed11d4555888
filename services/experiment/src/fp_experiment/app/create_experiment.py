"""A new experiment."""

from dataclasses import dataclass

from fp_kernel import Clock, Command, Principal, new_id

from fp_experiment.app.missing import name_taken
from fp_experiment.app.ports import Transactions
from fp_experiment.domain.experiments import Described, Experiment


@dataclass(frozen=True, slots=True)
class CreateExperiment:
    transactions: Transactions
    clock: Clock

    async def __call__(self, described: Described, caller: Principal, command: Command) -> Experiment:
        """Raises InvalidArgument, AlreadyExists with the `experiment_id` that has the name."""
        described.check()
        now = self.clock.now()
        experiment = Experiment(new_id(), caller.team, described, caller.user_id, now, now)
        async with self.transactions(command) as tx:
            if not await tx.experiments.add(experiment):
                raise name_taken(described.name, await tx.experiments.id_of(caller.team, described.name))
            await tx.complete(command, experiment)
        return experiment
