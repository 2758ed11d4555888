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

_INBOX: Final = """
delete from fp_inbox where ctid = any(array(
    select ctid from fp_inbox where consumer = $1 and seen_at < now() - $2::interval limit $3))
"""
_OTHER_INBOX: Final = """
delete from fp_inbox where ctid = any(array(
    select ctid from fp_inbox where consumer <> all($1::text[]) and seen_at < now() - $2::interval limit $3))
"""
_COMMANDS: Final = """
delete from fp_commands where (team, rpc, key) in (
    select team, rpc, key from fp_commands where created_at < now() - $1::interval limit $2)
"""
# From the old end only: looking for more behind rows that are not old enough would read the whole table each time.
_OUTBOX: Final = """
delete from fp_outbox using (select position from fp_outbox order by position limit $2) as oldest
where fp_outbox.position = oldest.position and published_at < now() - $1::interval
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
        for name, retention in self._consumers.items():
            deleted += await self._delete(_INBOX, name, retention, _BITE)
        longest = max(stream.max_age for stream in STREAMS)
        deleted += await self._delete(_OTHER_INBOX, list(self._consumers), longest, _BITE)
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
