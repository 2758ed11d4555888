"""Tell what was used: sums, at a pace of our own."""

import asyncio
from typing import Final

from fp_kernel import Clock
from fp_telemetry import get_logger

from fp_billing.app.ports import Reads, Transaction, Transactions
from fp_billing.domain.events import UsageRecorded

log = get_logger(__name__)

_TEAMS: Final = 100
_SUMS: Final = 500
_WAITING: Final = 1_000


class PublishUsage:
    """Sums of usage into the outbox, one event a team, meter, model, version, plan and day. Every replica runs it.

    While the bus does not take what was told before, nothing is added: the sums go on growing in their rows, and the
    outbox keeps its room for quotas and invoices.
    """

    def __init__(self, transactions: Transactions, reads: Reads, clock: Clock) -> None:
        self._transactions = transactions
        self._reads = reads
        self._clock = clock

    async def run(self, every: float) -> None:
        """Until cancelled; what fails is tried again. every: seconds."""
        while True:
            await asyncio.sleep(every)
            try:
                await self.once()
            except Exception as error:  # noqa: BLE001 -- what tells may not end what meters
                log.warning("usage will be told later", error=repr(error))

    async def once(self) -> int:
        """Go once through the teams that used something; how many events it became."""
        told, after = 0, ""
        while await self._reads.usage_waiting(_WAITING) < _WAITING:
            teams = await self._reads.untold(after, _TEAMS)
            for team in teams:
                async with self._transactions() as tx:
                    told += await self._tell(tx, team)
            if len(teams) < _TEAMS:
                break
            after = teams[-1]
        return told

    async def _tell(self, tx: Transaction, team: str) -> int:
        # Under the team's lock nobody adds to a sum that is being told.
        await tx.hold(team, self._clock.now())
        sums = await tx.take_untold(team, _SUMS)
        for each in sums:
            tx.emit(UsageRecorded(each))
        return len(sums)
