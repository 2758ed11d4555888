"""What every replica does from time to time; two at once are harmless."""

import asyncio
from typing import NoReturn

from fp_kernel import Clock
from fp_telemetry import get_logger

from fp_experiment.adapters.postgres.partitions import Partitions
from fp_experiment.adapters.postgres.removing import DeletedRuns
from fp_experiment.adapters.postgres.searching import EndedRuns

EVERY = 6 * 3_600.0
"""Seconds; partitions are made two months ahead."""

REMOVED_AFTER = 10.0
"""Seconds between looks for deleted runs."""

SEARCHABLE_AFTER = 5.0
"""Seconds for which a run that ended may be searched the slow way."""

_log = get_logger(__name__)


async def keep_partitions(partitions: Partitions, clock: Clock) -> NoReturn:
    while True:
        await asyncio.sleep(EVERY)
        made = await partitions.ensure(clock.now())
        if made:
            _log.info("partitions made", partitions=made)


async def keep_searchable(ended: EndedRuns) -> NoReturn:
    while True:
        count = await ended.index()
        if count:
            _log.debug("ended runs are searchable", runs=count)
        await asyncio.sleep(SEARCHABLE_AFTER)


async def remove_deleted(deleted: DeletedRuns) -> NoReturn:
    while True:
        count = await deleted.remove()
        if count:
            _log.info("deleted runs are removed", runs=count)
        await asyncio.sleep(REMOVED_AFTER)
