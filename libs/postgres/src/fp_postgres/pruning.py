"""Forget what nobody can ask for any more."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from fp_events import STREAMS, Consumer
from fp_kernel import Aborted, Unavailable
from fp_telemetry import get_logger

from fp_postgres.database import Database

log = get_logger(__name__)

_BITE: Final = 5_000  # rows a transaction: short locks, and replication and vacuum keep up

# Each bite reads what it deletes and nothing else, whatever lies beside it.
_INBOX: Final = """
delete from fp_inbox where ctid = any(array(
    select ctid from fp_inbox where consumer = $1 and seen_at < now() - $2::interval order by seen_at limit $3))
"""
# One step of the index for each name, where DISTINCT would read every row.
_CONSUMERS: Final = """
with recursive name as (
    (select consumer from fp_inbox order by consumer limit 1)
    union all
    select (select consumer from fp_inbox where consumer > name.consumer order by consumer limit 1)
    from name where name.consumer is not null
)
select consumer from name where consumer is not null
"""
_COMMANDS: Final = """
delete from fp_commands where ctid = any(array(
    select ctid from fp_commands where created_at < now() - $1::interval order by created_at limit $2))
"""
# By publication: from the old end of the table it would come no further than to events that the bus does not take.
_OUTBOX: Final = """
delete from fp_outbox where ctid = any(array(
    select ctid from fp_outbox where published_at < now() - $1::interval order by published_at limit $2))
"""


class Pruner:
    """Deletes old inbox rows, commands and published outbox rows, in small bites."""

    def __init__(
        self,
        database: Database,
        *,
        consumers: Sequence[Consumer] = (),
        commands: timedelta = timedelta(hours=24),
        outbox: timedelta = timedelta(hours=24),
        every: timedelta = timedelta(minutes=10),
    ) -> None:
        """consumers: their inbox rows are kept as long as an event may still arrive; others for 90 days."""
        self._database = database
        self._consumers = {consumer.name: consumer.retention for consumer in consumers}
        self._commands = commands
        self._outbox = outbox
        self._every = every

    async def prune(self) -> int:
        """Once; the number of rows deleted."""
        deleted = 0
        longest = max(stream.max_age for stream in STREAMS)
        for row in await self._database.fetch(_CONSUMERS):
            retention = self._consumers.get(row["consumer"], longest)
            deleted += await self._delete(_INBOX, row["consumer"], retention, _BITE)
        deleted += await self._delete(_COMMANDS, self._commands, _BITE)
        deleted += await self._delete(_OUTBOX, self._outbox, _BITE)
        return deleted

    async def run(self) -> None:
        """Until cancelled; outages of the database are waited out."""
        while True:
            try:
                deleted = await self.prune()
            except (Unavailable, Aborted) as error:
                log.warning("pruning will be tried again", error=error.message)
            else:
                log.debug("pruned", rows=deleted)
            await asyncio.sleep(self._every.total_seconds())

    async def _delete(self, query: str, *arguments: object) -> int:
        deleted = 0
        while True:
            bite = int((await self._database.execute(query, *arguments)).rpartition(" ")[2])
            deleted += bite
            if bite < _BITE:
                return deleted
