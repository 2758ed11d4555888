"""Forget what nobody can ask for any more."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from fp_events import STREAMS, Consumer
from fp_events.subjects import intersection
from fp_kernel import Error
from fp_telemetry import get_logger

from fp_postgres.database import Database

_log = get_logger(__name__)

# Small bites: a long delete holds locks and bloats its table at once.
_BITE: Final = 5_000
# Longer than any stream keeps an event.
_LONGEST: Final = timedelta(days=90)
# An event that left the stream may still be at work or wait in a back-off.
_GRACE: Final = timedelta(days=1)

_COMMANDS: Final = """
    delete from commands where ctid = any(array(
        select ctid from commands where created_at < now() - $1::interval order by created_at limit $2))
"""
_OUTBOX: Final = """
    delete from outbox where position = any(array(
        select position from outbox where published_at < now() - $1::interval order by published_at limit $2))
"""
_INBOX: Final = """
    delete from inbox where ctid = any(array(
        select ctid from inbox where consumer = $3 and received_at < now() - $1::interval
         order by received_at limit $2))
"""
_CONSUMERS: Final = "select distinct consumer from inbox"


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
        self._kept = {consumer.name: _retention(consumer) for consumer in consumers}
        self._commands = commands
        self._outbox = outbox
        self._every = every

    async def prune(self) -> int:
        """Once; the number of rows deleted."""
        deleted = await self._bites(_COMMANDS, self._commands)
        deleted += await self._bites(_OUTBOX, self._outbox)
        for row in await self._database.fetch(_CONSUMERS):
            kept = self._kept.get(row["consumer"], _LONGEST)
            deleted += await self._bites(_INBOX, kept + _GRACE, row["consumer"])
        return deleted

    async def run(self) -> None:
        """Until cancelled; outages of the database are waited out."""
        while True:
            await asyncio.sleep(self._every.total_seconds())
            try:
                deleted = await self.prune()
            except Error as error:
                _log.warning("pruning failed", error=error.message)
            else:
                if deleted:
                    _log.info("pruned", rows=deleted)

    async def _bites(self, statement: str, age: timedelta, *more: str) -> int:
        deleted = 0
        while True:
            tag = await self._database.execute(statement, age, _BITE, *more)
            count = int(tag.rpartition(" ")[2])
            deleted += count
            if count < _BITE:
                return deleted


def _retention(consumer: Consumer) -> timedelta:
    """The longest that a stream of the consumer's keeps an event."""
    ages = [stream.max_age for stream in STREAMS if _share(stream.subjects, consumer.subjects)]
    return max(ages, default=_LONGEST)


def _share(one: Sequence[str], other: Sequence[str]) -> bool:
    return any(intersection(left, right) for left in one for right in other)
