"""A user watches a model no longer."""

from fp_kernel import Clock, Command

from fp_monitor.app.ports import Transactions


class DeleteMonitor:
    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(self, team: str, model_name: str, *, purge: bool, command: Command) -> int:
        """purge: its reports as well; how many there were. A model without a monitor is as it was asked for."""
        async with self._transactions(command) as tx:
            await tx.monitors.lock(team, model_name)
            monitor = await tx.monitors.find(team, model_name)
            if monitor is not None:
                await tx.monitors.delete(monitor, self._clock.now())
            purged = await tx.reports.purge(team, model_name) if purge else 0
            await tx.complete(command, purged)
        return purged
