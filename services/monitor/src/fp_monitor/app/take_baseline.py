"""A version went to production, and brings the baseline of its traffic."""

from dataclasses import replace

from fp_monitor.app.ports import Promotion, Transactions, Unit
from fp_monitor.domain.monitor import Monitor, Unwatched


class TakeBaseline:
    def __init__(self, transactions: Transactions, *, consumer: str) -> None:
        self._transactions = transactions
        self._consumer = consumer

    async def __call__(self, event_id: str, promotion: Promotion) -> None:
        async with self._transactions() as tx:
            if not await tx.fresh(self._consumer, [event_id]):
                return
            await tx.monitors.lock(promotion.team, promotion.model_name)
            if not await tx.baselines.keep(promotion):
                return
            monitor = await tx.monitors.find(promotion.team, promotion.model_name)
            if monitor is not None:
                await rebase(tx, serving(monitor, promotion), promotion.version)


def serving(monitor: Monitor, promotion: Promotion) -> Monitor:
    """The monitor watching what is in production."""
    return replace(monitor, model_id=promotion.model_id, served=promotion.version, unwatched=Unwatched())


async def rebase(tx: Unit, monitor: Monitor, version: str) -> Monitor:
    """Compare with this version from now on: nothing of what was counted or found before holds any more.

    Labels neither: traffic that is replayed begins earlier than the last one ended, and its retraining must not know
    what came later.
    """
    found = await tx.baselines.find(monitor.team, monitor.config.model_name, version)
    rebased = replace(
        monitor,
        baseline=version if found else "",
        baseline_at=found[1] if found else None,
        levels={},
        judged=False,
        newest_label=None,
    )
    await tx.windows.discard(monitor.id)
    await tx.monitors.save(rebased)
    return rebased
