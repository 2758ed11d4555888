"""A user watches a model no longer."""

from fp_kernel import Clock, Command

from fp_monitor.app.ports import ReportPurges, Transactions


class DeleteMonitor:
    def __init__(self, transactions: Transactions, purges: ReportPurges, clock: Clock) -> None:
        self._transactions = transactions
        self._purges = purges
        self._clock = clock

    async def __call__(self, team: str, model_name: str, *, purge: bool, command: Command) -> int:
        """purge: its reports as well; how many there were. A model without a monitor is as it was asked for.

        Reports go in bites behind the commit: very many at once would take longer than the call may, roll back, and
        never go. What is left when this process dies goes in the background.
        """
        async with self._transactions(command) as tx:
            await tx.monitors.lock(team, model_name)
            monitor = await tx.monitors.find(team, model_name)
            now = self._clock.now()
            if monitor is not None:
                await tx.monitors.delete(monitor, now)
            purged = await tx.reports.purge(team, model_name, now) if purge else 0
            await tx.complete(purged)
        while purge and await self._purges.purge(team, model_name):
            pass
        return purged
