"""Tables that are dropped by the day or the month, since deleting a hundred million rows never ends.

A table is partitioned by range in the migration that makes it (`PARTITION BY RANGE (id)`). Its partitions are made here
ahead of their time, and dropped when they are old. See docs/how-to/let-a-table-grow.md.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from fp_postgres.database import Database

_IDENTIFIER: Final = re.compile(r"[a-z][a-z0-9_]{0,50}")
_BOUNDS: Final = re.compile(r"FROM \((?:'([^']+)'|MINVALUE)\) TO \((?:'([^']+)'|MAXVALUE)\)")
_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)

_THERE: Final = """
select child.relname as name, pg_get_expr(child.relpartbound, child.oid) as bounds
from pg_inherits join pg_class as child on child.oid = inhrelid
where inhparent = to_regclass($1)
"""
# Replicas work in turn: two CREATE TABLE of one name at once fail in the catalogue in several ways.
_TURN: Final = "select pg_advisory_xact_lock(hashtextextended('fp_postgres:partitions', 0))"
# DROP needs the table for itself for a moment. Behind a reader that takes long everybody would wait for both of them.
_BRIEF: Final = "set local lock_timeout = '500ms'"


@dataclass(frozen=True, slots=True)
class Partitioned:
    """How one table is divided.

    by: what its first key column is: `id`, a UUIDv7, by the time that is in it; `time`, a timestamptz; or `date`.
    each: one partition a day, or a month, of UTC.
    ahead: how many after the present one are made: so long may the service not run before a row finds no place.
    behind: how many before the present one must be there for rows that come late.
    retention: how long after its end a partition is dropped; without it, never.
    """

    table: str
    by: Literal["id", "time", "date"]
    each: Literal["day", "month"]
    ahead: int
    behind: int = 1
    retention: timedelta | None = None

    def __post_init__(self) -> None:
        """Raises ValueError for a name that is no plain identifier, and for a table without a partition ahead."""
        if not _IDENTIFIER.fullmatch(self.table) or self.ahead < 1 or self.behind < 0:
            raise ValueError(f"{self} is no partitioned table")

    def period(self, now: datetime, offset: int) -> tuple[datetime, datetime]:
        """The first moment of a period and of the one after it. offset: from the one that `now` lies in."""
        return self._begin(now, offset), self._begin(now, offset + 1)

    def _begin(self, now: datetime, offset: int) -> datetime:
        utc = now.astimezone(UTC)
        if self.each == "day":
            return datetime(utc.year, utc.month, utc.day, tzinfo=UTC) + timedelta(days=offset)
        months = utc.year * 12 + utc.month - 1 + offset
        return datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)

    def name(self, first: datetime) -> str:
        return f"{self.table}_{first:%Y_%m}" if self.each == "month" else f"{self.table}_{first:%Y_%m_%d}"

    def bound(self, moment: datetime) -> str:
        """The moment as a bound of the key."""
        if self.by == "id":
            return str(lowest_id(moment))
        return moment.date().isoformat() if self.by == "date" else moment.isoformat()

    def moment(self, bound: str) -> datetime:
        """The moment of a bound."""
        if self.by == "id":
            return datetime.fromtimestamp((UUID(bound).int >> 80) / 1_000, UTC)
        moment = datetime.fromisoformat(bound)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class Partitions:
    """The partitions of a service's tables. Replicas may do the same at the same time."""

    def __init__(self, database: Database, *tables: Partitioned) -> None:
        self._database = database
        self._tables = tables

    async def ensure(self, now: datetime) -> list[str]:
        """Make what lacks of the periods behind, at and ahead of `now`; the names of what was made.

        A period that another partition covers already, such as that of the rows before the table was divided, is left
        out. Raises Unavailable when the database is away.
        """
        made = []
        for table in self._tables:
            there = await self._there(table)
            for offset in range(-table.behind, table.ahead + 1):
                first, behind = table.period(now, offset)
                if not any(low < behind and first < high for low, high in there.values()):
                    made += [table.name(first)] if await self._make(table, first, behind) else []
        return made

    async def drop(self, now: datetime) -> list[str]:
        """Drop what is older than `retention`; the names of what was dropped.

        Raises Aborted when a reader holds such a partition; it is tried again the next time.
        """
        dropped = []
        for table in self._tables:
            if table.retention is None:
                continue
            for name, (_, high) in sorted((await self._there(table)).items()):
                if high <= now - table.retention:
                    async with self._database.transaction() as tx:
                        await tx.execute(_BRIEF)
                        await tx.execute(f'drop table if exists "{name}"')
                    dropped.append(name)
        return dropped

    async def _there(self, table: Partitioned) -> dict[str, tuple[datetime, datetime]]:
        """First moment and end of each partition."""
        found = {}
        for row in await self._database.fetch(_THERE, table.table):
            if match := _BOUNDS.search(row["bounds"]):
                low, high = match.groups()
                found[row["name"]] = (
                    table.moment(low) if low else _FIRST,
                    table.moment(high) if high else _LAST,
                )
        return found

    async def _make(self, table: Partitioned, first: datetime, behind: datetime) -> bool:
        name = table.name(first)
        async with self._database.transaction() as tx:
            await tx.execute(_TURN)
            if await tx.fetchval("select to_regclass($1)", name) is not None:
                return False
            # Made apart and then attached: no writer of another partition waits.
            await tx.execute(
                f"create table {name} (like {table.table} including defaults including constraints including storage)"
            )
            await tx.execute(
                f"alter table {table.table} attach partition {name} "
                f"for values from ('{table.bound(first)}') to ('{table.bound(behind)}')"
            )
        return True


def lowest_id(moment: datetime) -> UUID:
    """Ids made at this moment or later (UUIDv7: 48 bits of milliseconds in front) are not less."""
    return UUID(int=round(moment.timestamp() * 1_000) << 80)
