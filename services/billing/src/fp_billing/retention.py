"""What every replica does from time to time; two at once are harmless."""

import asyncio
from datetime import timedelta
from typing import Final, NoReturn

from fp_kernel import Aborted, Clock, Unavailable
from fp_postgres import Database
from fp_telemetry import get_logger

from fp_billing.adapters.postgres.months import Months

# Seconds; months are made two ahead.
_EVERY: Final = 3_600.0
log = get_logger(__name__)


async def prune_months(months: Months, database: Database, clock: Clock, kept: timedelta) -> NoReturn:
    """Until cancelled; outages of the database are waited out. kept: for how long facts are."""
    while True:
        await asyncio.sleep(_EVERY)
        try:
            await months.ensure(database, clock.now())
            await months.forget(database, clock.now() - kept)
        except (Unavailable, Aborted) as error:
            log.warning("months of facts will be looked at later", error=error.message)
