"""Change what people say of an experiment."""

from fp_kernel import Clock, Command, Principal

from fp_experiment.app.ports import Transactions
from fp_experiment.app.refusals import name_taken, no_experiment
from fp_experiment.domain.experiments import Described, Experiment


class UpdateExperiment:
    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(
        self, experiment_id: str, new: Described, fields: frozenset[str], caller: Principal, command: Command
    ) -> Experiment:
        """Raises InvalidArgument, NotFound, AlreadyExists, FailedPrecondition when it is archived."""
        async with self._transactions(command) as tx:
            found = await tx.experiments.locked(caller.team, experiment_id)
            if found is None:
                raise no_experiment()
            changed = found.with_fields(new, fields, self._clock.now())
            if not await tx.experiments.save(changed):
                raise name_taken(changed.described.name)
            await tx.complete(changed)
        return changed
