"""Put a model away; its name, versions and artifacts stay."""

from dataclasses import replace

from fp_kernel import Clock, Command, Principal

from fp_registry.app.changed import ChangedModel
from fp_registry.app.missing import no_model
from fp_registry.app.ports import Transactions
from fp_registry.domain.events import ModelArchived


class ArchiveModel:
    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(self, model_id: str, caller: Principal, command: Command) -> ChangedModel:
        """A second time does nothing. Raises NotFound."""
        async with self._transactions(command) as tx:
            model = await tx.model(caller.team, model_id)
            if model is None:
                raise no_model()
            if not model.archived:
                now = self._clock.now()
                model = replace(model.changed(now), archived_at=now)
                await tx.save_model(model)
                tx.emit(ModelArchived(model, by=caller.user_id, at=now))
            changed = ChangedModel(model)
            await tx.complete(changed)
        return changed
