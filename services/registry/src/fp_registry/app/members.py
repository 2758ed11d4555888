"""What an ensemble in use runs is in use."""

from collections.abc import Mapping

from fp_registry.app.ports import Transaction
from fp_registry.app.refusals import members_archived


async def hold_members(tx: Transaction, team: str, models: Mapping[str, str]) -> None:
    """Nobody archives them until the transaction ends. models: name by id.

    Raises FailedPrecondition naming those that are archived.
    """
    if not models:
        return
    missing = models.keys() - await tx.models.hold(team, models.keys())
    if missing:
        raise members_archived([models[each] for each in missing])
