"""Publish usage as sums, at fixed intervals, so that a prediction does not cost an event."""

from typing import Final

from fp_kernel import Clock

from fp_billing.app.ports import Reads, Transaction, Transactions
from fp_billing.domain.events import UsageRecorded

_TEAMS: Final = 100
_SUMS: Final = 500
_WAITING: Final = 1_000


class PublishUsage:
    """Sums of usage into the outbox, one event a team, meter, model, version, plan and day. Every replica runs it.

    While earlier sums wait for the bus, nothing is added: the sums go on growing in their rows, and the outbox has room
    for quotas and invoices.
    """

    def __init__(self, transactions: Transactions, reads: Reads, clock: Clock) -> None:
        self._transactions = transactions
        self._reads = reads
        self._clock = clock

    async def __call__(self) -> int:
        """Go once through the teams that used something; how many events were added to the outbox."""
        published, after = 0, ""
        while await self._reads.usage_waiting(_WAITING) < _WAITING:
            teams = await self._reads.teams_to_publish(after, _TEAMS)
            for team in teams:
                async with self._transactions() as tx:
                    published += await self._publish(tx, team)
            if len(teams) < _TEAMS:
                break
            after = teams[-1]
        return published

    async def _publish(self, tx: Transaction, team: str) -> int:
        # Under the team's lock nobody adds to a sum that is being published.
        await tx.accounts.hold(team, self._clock.now())
        sums = await tx.usage.take_unpublished(team, _SUMS)
        for each in sums:
            tx.outbox.add(UsageRecorded(each))
        return len(sums)
