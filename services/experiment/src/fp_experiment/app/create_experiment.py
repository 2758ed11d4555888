"""A new experiment."""

from fp_kernel import Clock, Command, Principal, new_id

from fp_experiment.app.ports import Transactions
from fp_experiment.app.refusals import name_taken
from fp_experiment.domain.experiments import Described, Experiment


class CreateExperiment:
    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(self, described: Described, caller: Principal, command: Command) -> Experiment:
        """Raises InvalidArgument, AlreadyExists with the `experiment_id` that has the name."""
        described.check()
        now = self._clock.now()
        experiment = Experiment(new_id(), caller.team, described, caller.user_id, now, now)
        async with self._transactions(command) as tx:
            if not await tx.experiments.add(experiment):
                raise name_taken(described.name, await tx.experiments.id_of(caller.team, described.name))
            await tx.complete(experiment)
        return experiment
