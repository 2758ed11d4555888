"""A user watches a model no longer."""

from fp_kernel import Clock, Command
from fp_kernel.revisions import NOTHING, check_revision

from fp_monitor.app.ports import ReportPurges, Transactions


class DeleteMonitor:
    def __init__(self, transactions: Transactions, purges: ReportPurges, clock: Clock) -> None:
        self._transactions = transactions
        self._purges = purges
        self._clock = clock

    async def __call__(
        self, team: str, model_name: str, *, purge: bool, command: Command, expected: int | None = None
    ) -> int:
        """purge: its reports as well; how many there were. A model without a monitor is as it was asked for.
        Raises Aborted when the monitor has another revision than the expected one.

        Reports go in bites behind the commit: very many at once would take longer than the call may, roll back, and
        never go. What is left when this process dies goes in the background.
        """
        async with self._transactions(command) as tx:
            await tx.monitors.lock(team, model_name)
            monitor = await tx.monitors.find(team, model_name)
            check_revision(
                expected,
                NOTHING if monitor is None else monitor.revision,
                changed_by="" if monitor is None else monitor.configured_by,
            )
            now = self._clock.now()
            if monitor is not None:
                await tx.monitors.delete(monitor, now)
            purged = await tx.reports.purge(team, model_name, now) if purge else 0
            await tx.complete(purged)
        while purge and await self._purges.purge(team, model_name):
            pass
        return purged
