"""The months of facts: made ahead of their time, dropped when they are past retention."""

from datetime import UTC, date, datetime, time
from typing import Final
from uuid import UUID

from fp_postgres import Database

UNDATED: Final = date(1970, 1, 1)
"""The month of facts whose source id has no time, or one that has no partition."""

_AHEAD: Final = 2
_UUID7: Final = 7
_THERE: Final = """
SELECT child.relname FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
WHERE inhparent = 'usage_facts'::regclass
"""
_BITE: Final = 5_000  # rows a transaction
_FORGET_UNDATED: Final = """
DELETE FROM usage_facts_undated WHERE ctid = any(array(
    SELECT ctid FROM usage_facts_undated WHERE recorded_at < $1 LIMIT $2))
"""
_PREFIX: Final = "usage_facts_"
# Replicas make months in turn: two CREATE TABLE of one name at once fail in the catalogue in several ways.
_TURN: Final = "SELECT pg_advisory_xact_lock(hashtextextended('fp_billing:months', 0))"


class Months:
    """Which month a fact is stored in, without asking the database once `ensure` has looked."""

    def __init__(self) -> None:
        self._there: frozenset[date] = frozenset()

    def of(self, source_id: str) -> date:
        """It follows from the source's id alone, so that a fact is looked for where it was stored."""
        try:
            source = UUID(source_id)
            month = datetime.fromtimestamp((source.int >> 80) // 1_000, UTC).date().replace(day=1)
        except (ValueError, OverflowError):
            return UNDATED
        dated = source.version == _UUID7 and source_id == str(source) and month in self._there
        return month if dated else UNDATED

    async def ensure(self, database: Database, now: datetime) -> None:
        """Make what lacks of the last, the present and the next months. Two replicas may do it at the same time."""
        there = await _months(database)
        for offset in range(-1, _AHEAD + 1):
            month = _month(now, offset)
            if month not in there:
                await _make(database, month, _month(now, offset + 1))
        self._there = frozenset(await _months(database))

    async def forget(self, database: Database, before: datetime) -> None:
        """Drop months that ended before that day, and delete undated facts that were recorded before it, in bites."""
        for month in await _months(database):
            if _month(datetime.combine(month, time(), UTC), 1) <= before.astimezone(UTC).date():
                await _drop(database, month)
        while int((await database.execute(_FORGET_UNDATED, before, _BITE)).rpartition(" ")[2]) == _BITE:
            pass
        self._there = frozenset(await _months(database))


async def _months(database: Database) -> list[date]:
    names = [row["relname"].removeprefix(_PREFIX) for row in await database.fetch(_THERE)]
    return [datetime.strptime(name, "%Y_%m").replace(tzinfo=UTC).date() for name in names if name != "undated"]


async def _drop(database: Database, month: date) -> None:
    async with database.transaction() as tx:
        await tx.execute(_TURN)
        # Of the whole table for a moment: whoever cannot have that at once must not make everybody wait behind it.
        await tx.execute("SET LOCAL lock_timeout = '2s'")
        await tx.execute(f"DROP TABLE IF EXISTS {_PREFIX}{month:%Y_%m}")


async def _make(database: Database, first: date, behind: date) -> None:
    name = f"{_PREFIX}{first:%Y_%m}"
    async with database.transaction() as tx:
        await tx.execute(_TURN)
        if await tx.fetchval("SELECT to_regclass($1)", name) is not None:
            return
        # Made apart and then attached: no writer of another month waits.
        await tx.execute(f"CREATE TABLE {name} (LIKE usage_facts INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
        await tx.execute(f"ALTER TABLE usage_facts ATTACH PARTITION {name} FOR VALUES FROM ('{first}') TO ('{behind}')")


def _month(now: datetime, offset: int) -> date:
    months = now.astimezone(UTC).year * 12 + now.astimezone(UTC).month - 1 + offset
    return date(months // 12, months % 12 + 1, 1)
