"""Give a model a version."""

from dataclasses import dataclass

from fp_kernel import Clock, Command, Principal

from fp_registry.app.ports import Transactions
from fp_registry.app.refusals import name_taken, no_model
from fp_registry.domain.events import VersionCreated
from fp_registry.domain.model import Model
from fp_registry.domain.version import NewVersion, Version, add_version


@dataclass(frozen=True, slots=True)
class CreatedVersion:
    model: Model
    version: Version


class CreateVersion:
    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(self, model_id: str, new: NewVersion, caller: Principal, command: Command) -> CreatedVersion:
        """Raises NotFound, AlreadyExists for a name the model has, FailedPrecondition when it is archived."""
        async with self._transactions(command) as tx:
            # The lock makes the next number, the ordinal and the revision this command's alone.
            found = await tx.models.lock(caller.team, model_id)
            if found is None:
                raise no_model()
            model, version = add_version(found, new, by=caller.user_id, now=self._clock.now())
            if not await tx.versions.add(version):
                raise name_taken("version", version.name)
            await tx.models.save(model)
            tx.outbox.add(VersionCreated(model, version))
            created = CreatedVersion(model, version)
            await tx.complete(created)
        return created
