"""Meter what is stored, once a month."""

from typing import Final

from fp_kernel import Clock
from fp_telemetry import get_logger

from fp_billing.app.meter_usage import meter_usage
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

    async def __call__(self) -> int:
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
                await tx.accounts.hold(team, self._clock.now())
                versions = await tx.storage.unpaid(team, month, _VERSIONS)
                usages = [usage for version, last in versions for usage in due(version, min(last, month))]
                if usages:
                    await meter_usage(tx, team, usages, now=self._clock.now(), grace=self._grace)
                    await tx.storage.pay(team, [version.version_id for version, _ in versions], month)
            metered += len(versions)
            if len(versions) < _VERSIONS:
                return metered
