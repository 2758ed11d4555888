"""Give a team a model."""

from fp_kernel import Clock, Command, Principal

from fp_registry.app.ports import Transactions
from fp_registry.app.positions import ChangedModel
from fp_registry.app.refusals import name_taken
from fp_registry.domain.events import ModelRegistered
from fp_registry.domain.model import NewModel, register


class RegisterModel:
    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(self, new: NewModel, caller: Principal, command: Command) -> ChangedModel:
        """Raises AlreadyExists when the team has, or ever had, a model of this name."""
        model = register(new, team=caller.team, owner_id=caller.user_id, now=self._clock.now())
        async with self._transactions(command) as tx:
            if not await tx.models.add(model):
                raise name_taken("model", new.name)
            tx.outbox.add(ModelRegistered(model))
            changed = ChangedModel(model)
            await tx.complete(changed)
        return changed
