"""Forget what nobody can ask for any more."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from fp_events import STREAMS, Consumer

from fp_postgres.database import Database

PRUNE_EVERY: Final = 600.0
"""Seconds between two passes of a service."""

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
# Bite after bite through the table, since an index of `last_at` would make each event write one more. A row goes when
# the floor has stood above it for a minute: by then nobody is at work who has read a lower one.
_SEQUENCES: Final = """
with bite as (
    select resource_id, value, last_at from fp_sequences where resource_id > $1 order by resource_id limit $2
), quiet as (
    select resource_id, value from bite where last_at < now() - $3::interval
), gone as (
    delete from fp_sequences as stored using quiet, fp_sequence_floor as floor
    where stored.resource_id = quiet.resource_id and stored.last_at < now() - $3::interval
        and floor.one and stored.value <= floor.value and floor.raised_at < now() - interval '1 minute'
    returning 1
), raised as (
    update fp_sequence_floor set value = quiet.highest, raised_at = now()
    from (select max(value) as highest from quiet) as quiet where one and quiet.highest > value
    returning 1
)
select (select max(resource_id) from bite) as last, (select count(*) from gone) as number
"""
_BITES_OF_SEQUENCES: Final = 20  # a pass


class Pruner:
    """Deletes old inbox rows, commands, published outbox rows and numbers of quiet resources, in small bites."""

    def __init__(
        self,
        database: Database,
        *,
        consumers: Sequence[Consumer] = (),
        commands: timedelta = timedelta(hours=24),
        outbox: timedelta = timedelta(hours=24),
    ) -> None:
        """consumers: their inbox rows are kept as long as an event may still arrive; others for 90 days."""
        self._database = database
        self._consumers = {consumer.name: consumer.retention for consumer in consumers}
        self._commands = commands
        self._outbox = outbox
        self._resource = ""

    async def prune(self) -> int:
        """Once; the number of rows deleted."""
        deleted = 0
        longest = max(stream.max_age for stream in STREAMS)
        for row in await self._database.fetch(_CONSUMERS):
            retention = self._consumers.get(row["consumer"], longest)
            deleted += await self._delete(_INBOX, row["consumer"], retention, _BITE)
        deleted += await self._delete(_COMMANDS, self._commands, _BITE)
        deleted += await self._delete(_OUTBOX, self._outbox, _BITE)
        return deleted + await self._sequences(longest)

    async def _sequences(self, quiet: timedelta) -> int:
        """Go on where the pass before ended; a table of millions takes several."""
        deleted = 0
        for _ in range(_BITES_OF_SEQUENCES):
            row = await self._database.fetchrow(_SEQUENCES, self._resource, _BITE, quiet)
            self._resource = (row and row["last"]) or ""
            deleted += row["number"] if row else 0
            if not self._resource:
                break
        return deleted

    async def _delete(self, query: str, *arguments: object) -> int:
        deleted = 0
        while True:
            bite = int((await self._database.execute(query, *arguments)).rpartition(" ")[2])
            deleted += bite
            if bite < _BITE:
                return deleted
