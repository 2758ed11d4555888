"""Change what people say of a model."""

from fp_kernel import Clock, Command, Principal

from fp_registry.app.ports import Transactions
from fp_registry.app.positions import ChangedModel
from fp_registry.app.refusals import no_model
from fp_registry.domain.model import ModelUpdate, update


class UpdateModel:
    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(self, model_id: str, changes: ModelUpdate, caller: Principal, command: Command) -> ChangedModel:
        """There is no event for it; the projection finds the note. Raises NotFound, FailedPrecondition."""
        async with self._transactions(command) as tx:
            before = await tx.models.lock(caller.team, model_id)
            if before is None:
                raise no_model()
            model = update(before, changes, self._clock.now())
            if model is not before:
                await tx.models.save(model)
                await tx.unprojected.add(model)
            changed = ChangedModel(model)
            await tx.complete(changed)
        return changed
