"""Put a model away and take it back; its name, versions and artifacts stay."""

from dataclasses import replace

from fp_kernel import Clock, Command, Principal

from fp_registry.app.members import hold_members
from fp_registry.app.ports import Transactions
from fp_registry.app.positions import ChangedModel
from fp_registry.app.refusals import in_ensemble, no_model
from fp_registry.domain.events import ModelArchived, ModelRestored
from fp_registry.domain.promotion import archive


class ArchiveModel:
    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(self, model_id: str, *, force: bool, caller: Principal, command: Command) -> ChangedModel:
        """Its version in PRODUCTION leaves it, and its tenure ends; a second time does nothing.

        Raises NotFound, FailedPrecondition when a version is in PRODUCTION and it is not forced, or when an ensemble
        runs one.
        """
        async with self._transactions(command) as tx:
            model = await tx.models.lock(caller.team, model_id)
            if model is None:
                raise no_model()
            if not model.archived:
                used = await tx.versions.used_by(model)
                if used is not None:
                    raise in_ensemble(*used)
                now = self._clock.now()
                model, retired = archive(model, await tx.versions.in_production(model), now, force=force)
                await tx.models.save(model)
                if retired is not None:
                    await tx.tenures.end(model)
                    await tx.versions.save(retired)
                tx.outbox.add(ModelArchived(model, by=caller.user_id, at=now))
            changed = ChangedModel(model)
            await tx.complete(changed)
        return changed


class RestoreModel:
    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(self, model_id: str, caller: Principal, command: Command) -> ChangedModel:
        """Nothing is deployed by it, and a rollback brings the last production version back.

        Raises NotFound, FailedPrecondition when an ensemble of it runs a version of a model that is archived.
        """
        async with self._transactions(command) as tx:
            model = await tx.models.lock(caller.team, model_id)
            if model is None:
                raise no_model()
            if model.archived:
                await hold_members(tx, caller.team, await tx.versions.member_models(model))
                now = self._clock.now()
                model = replace(model.changed(now), archived_at=None)
                await tx.models.save(model)
                tx.outbox.add(ModelRestored(model, by=caller.user_id, at=now))
            changed = ChangedModel(model)
            await tx.complete(changed)
        return changed
