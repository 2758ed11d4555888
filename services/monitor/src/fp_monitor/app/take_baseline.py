"""A version went to production, and brings the baseline of its traffic."""

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

from fp_kernel import Clock

from fp_monitor.app.ports import Promotion, Transaction, Transactions
from fp_monitor.domain.metric import DriftKind
from fp_monitor.domain.monitor import Monitor, Unwatched
from fp_monitor.domain.window import LABELS_WAIT, closing


class TakeBaseline:
    def __init__(
        self, transactions: Transactions, clock: Clock, *, consumer: str, labels_wait: timedelta = LABELS_WAIT
    ) -> None:
        """labels_wait: until so long after a promotion labels come for the version before."""
        self._transactions = transactions
        self._clock = clock
        self._labels_wait = labels_wait
        self._consumer = consumer

    async def __call__(self, event_id: str, promotion: Promotion) -> None:
        async with self._transactions() as tx:
            if not await tx.fresh(self._consumer, [event_id]):
                return
            await tx.monitors.lock(promotion.team, promotion.model_name)
            if not await tx.baselines.store(promotion):
                return
            monitor = await tx.monitors.find(promotion.team, promotion.model_name)
            if monitor is not None:
                monitor = await rebase(tx, serving(monitor, promotion), promotion.version)
                await self._let_end(tx, monitor)

    async def _let_end(self, tx: Transaction, monitor: Monitor) -> None:
        """Labels of the version before come for a while; one that is served again has its old time."""
        for window in await tx.windows.of_labels(monitor.id):
            served = window.version == monitor.served
            closes = (
                closing(window.opened_at, monitor.config.duration) if served else self._clock.now() + self._labels_wait
            )
            await tx.windows.save(replace(window, closes_at=closes))


def serving(monitor: Monitor, promotion: Promotion) -> Monitor:
    """The monitor watching what is in production."""
    return replace(monitor, model_id=promotion.model_id, served=promotion.version, unwatched=Unwatched())


async def rebase(
    tx: Transaction,
    monitor: Monitor,
    version: str,
    discarded: Collection[DriftKind] = (DriftKind.DATA, DriftKind.PREDICTION),
) -> Monitor:
    """Compare with this version from now on: nothing of what was counted or found before holds any more.

    discarded: whose open windows go; a window of labels belongs to its version and its version's own baseline.
    The newest label goes too: traffic that is replayed begins earlier than the last one ended, and its retraining must
    not know what came later.
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
    await tx.windows.discard(monitor.id, discarded)
    await tx.quality.discard(monitor.id)
    await tx.monitors.save(rebased)
    return rebased
