"""Removal of old facts by their month, and the partitions of the months to come."""

from fp_postgres import Database
from fp_runtime import Runtime

from fp_billing.adapters.postgres.months import Months
from fp_billing.settings import Settings

_HOURLY = 3_600


async def start(runtime: Runtime, database: Database, settings: Settings) -> Months:
    """The months that facts are stored in; those of the near future are there when this returns.

    Every replica does it; two at once are harmless.
    """
    months, clock = Months(), runtime.clock
    await months.ensure(database, clock.now())

    async def turn() -> None:
        await months.ensure(database, clock.now())
        await months.forget(database, clock.now() - settings.facts_retained)

    runtime.every(_HOURLY, "months of facts", turn)
    return months
