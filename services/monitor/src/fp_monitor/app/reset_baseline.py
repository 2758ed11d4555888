"""A user wants the traffic compared with another version's training data."""

from dataclasses import replace

from fp_kernel import Clock, Command

from fp_monitor.app.ports import Transaction, Transactions
from fp_monitor.app.refusals import no_baseline, no_monitor, nothing_in_production
from fp_monitor.app.take_baseline import rebase
from fp_monitor.domain.metric import DriftKind
from fp_monitor.domain.monitor import Monitor


class ResetBaseline:
    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(self, team: str, model_name: str, version: str, command: Command) -> Monitor:
        """version: empty for the one in production. The next promotion brings its own baseline again.

        Raises NotFound, FailedPrecondition when the version has no baseline here.
        """
        async with self._transactions(command) as tx:
            await tx.monitors.lock(team, model_name)
            monitor = await tx.monitors.find(team, model_name)
            if monitor is None:
                raise no_monitor(model_name)
            wanted = version or await _in_production(tx, team, model_name)
            if not await tx.baselines.hold(team, model_name, wanted):
                raise no_baseline(model_name, wanted)
            changed = await rebase(tx, replace(monitor, updated_at=self._clock.now()), wanted, tuple(DriftKind))
            await tx.complete(changed)
        return changed


async def _in_production(tx: Transaction, team: str, model_name: str) -> str:
    promotion = await tx.baselines.production(team, model_name)
    if promotion is None:
        raise nothing_in_production(model_name)
    return promotion.version
