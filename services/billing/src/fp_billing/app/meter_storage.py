"""Meter what is stored, once a month."""

import asyncio
from typing import Final

from fp_kernel import Clock
from fp_telemetry import get_logger

from fp_billing.app.metering import Metering
from fp_billing.app.ports import Reads, Transactions
from fp_billing.domain.periods import Grace, Period, period_of
from fp_billing.domain.storage import due

log = get_logger(__name__)

_TEAMS: Final = 100
_VERSIONS: Final = 200


class MeterStorage:
    """Every replica runs it: under the team's lock each version is metered once for each month."""

    def __init__(self, transactions: Transactions, reads: Reads, *, clock: Clock, grace: Grace) -> None:
        self._transactions = transactions
        self._reads = reads
        self._clock = clock
        self._grace = grace

    async def run(self, every: float) -> None:
        """Until cancelled; what fails is tried again. every: seconds."""
        while True:
            try:
                await self.once()
            except Exception as error:  # noqa: BLE001 -- one look that fails may not end all later ones
                log.warning("storage will be metered later", error=repr(error))
            await asyncio.sleep(every)

    async def once(self) -> int:
        """Meter the month that began; how many versions it was."""
        month, metered, after = period_of(self._clock.now()), 0, ""
        while teams := await self._reads.storing(month, after, _TEAMS):
            for team in teams:
                try:
                    metered += await self._meter(team, month)
                except Exception:
                    log.exception("storage of a team was not metered", team=team)
            after = teams[-1]
        return metered

    async def _meter(self, team: str, month: Period) -> int:
        metered = 0
        while True:
            async with self._transactions() as tx:
                await tx.hold(team, self._clock.now())
                versions = await tx.unpaid_versions(team, month, _VERSIONS)
                usages = [usage for version, last in versions for usage in due(version, min(last, month))]
                if usages:
                    await Metering(tx, team, self._clock.now(), self._grace)(usages)
                    await tx.pay_versions(team, [version.version_id for version, _ in versions], month)
            metered += len(versions)
            if len(versions) < _VERSIONS:
                return metered
