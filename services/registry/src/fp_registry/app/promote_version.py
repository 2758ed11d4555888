"""Move a version to another stage."""

from dataclasses import dataclass

from fp_kernel import Clock, Command, Principal

from fp_registry.app.measure_upload import locked
from fp_registry.app.members import hold_members
from fp_registry.app.ports import Transaction, Transactions
from fp_registry.app.refusals import no_model
from fp_registry.domain.events import VersionPromoted
from fp_registry.domain.model import Model
from fp_registry.domain.promotion import Move, promote, rollback
from fp_registry.domain.stages import Stage
from fp_registry.domain.version import Version


@dataclass(frozen=True, slots=True)
class Promoted:
    """demoted: the version that was in PRODUCTION before; None when none was or nothing moved."""

    model: Model
    version: Version
    demoted: Version | None = None


class PromoteVersion:
    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(self, version_id: str, target: Stage, caller: Principal, command: Command) -> Promoted:
        """The incumbent of PRODUCTION is archived in the same transaction.

        Raises NotFound, FailedPrecondition when the stage or the status does not allow the move.
        """
        async with self._transactions(command) as tx:
            model, version = await locked(tx, caller.team, version_id)
            incumbent = await tx.versions.in_production(model)
            move = promote(model, version, target, incumbent, self._clock.now())
            if move is None:
                promoted = Promoted(model, version)
            else:
                promoted = await _carry_out(tx, move, caller)
            await tx.complete(promoted)
        return promoted


class RollbackModel:
    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(self, model_id: str, caller: Principal, command: Command) -> Promoted:
        """Swap the version in PRODUCTION for the one before it.

        Raises NotFound, FailedPrecondition when no version was in PRODUCTION before, or when that one is an ensemble
        and runs a version of a model that is archived.
        """
        async with self._transactions(command) as tx:
            model = await tx.models.lock(caller.team, model_id)
            if model is None:
                raise no_model()
            previous, incumbent = await tx.versions.last_in_production(model), await tx.versions.in_production(model)
            move = rollback(model, previous, incumbent, self._clock.now())
            # While it was ARCHIVED nobody kept the models that it runs.
            members = {each.model_id: each.model for each in move.version.members if each.model_id != model.id}
            await hold_members(tx, caller.team, members)
            promoted = await _carry_out(tx, move, caller)
            await tx.complete(promoted)
        return promoted


async def _carry_out(tx: Transaction, move: Move, caller: Principal) -> Promoted:
    model = move.model
    await tx.models.save(model)
    if move.leaves_production:
        await tx.tenures.end(model)
    # The incumbent leaves first: an index refuses two versions of a model in PRODUCTION at any moment.
    if move.demoted is not None:
        await tx.versions.save(move.demoted)
    await tx.versions.save(move.version)
    if move.enters_production:
        await tx.tenures.begin(model, move.version, by=caller.user_id)
    tx.outbox.add(VersionPromoted(move, by=caller.user_id, at=move.model.updated_at))
    return Promoted(move.model, move.version, move.demoted)
