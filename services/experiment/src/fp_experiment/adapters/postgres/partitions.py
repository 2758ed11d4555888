"""The months of metric points, made ahead of their time."""

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from fp_postgres import Database

AHEAD: Final = 2
"""Months after the present one that have their partition: so long may the service not run before runs find none."""

# A run of the last month may still be at work, and a clock may be behind.
_BEHIND: Final = 1

_THERE: Final = """
SELECT child.relname FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
WHERE inhparent = 'metric_points'::regclass
"""

# Replicas make months in turn: two CREATE TABLE of one name at once fail in the catalogue in several ways.
_TURN: Final = "SELECT pg_advisory_xact_lock(hashtextextended('fp_experiment:partitions', 0))"


class Partitions:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def ensure(self, now: datetime) -> list[str]:
        """Make what lacks of the last, the present and the next months; the names of what was made.

        Two replicas may do it at the same time.
        """
        there = {row["relname"] for row in await self._database.fetch(_THERE)}
        made = []
        for offset in range(-_BEHIND, AHEAD + 1):
            first, behind = month(now, offset), month(now, offset + 1)
            name = f"metric_points_{first:%Y_%m}"
            if name not in there and await self._make(name, first, behind):
                made.append(name)
        return made

    async def _make(self, name: str, first: datetime, behind: datetime) -> bool:
        async with self._database.transaction() as tx:
            await tx.execute(_TURN)
            if await tx.fetchval("SELECT to_regclass($1)", name) is not None:
                return False
            # Made apart and then attached: no writer of another month waits.
            await tx.execute(f"CREATE TABLE {name} (LIKE metric_points INCLUDING CONSTRAINTS)")
            await tx.execute(
                f"ALTER TABLE metric_points ATTACH PARTITION {name} "
                f"FOR VALUES FROM ('{lowest_id(first)}') TO ('{lowest_id(behind)}')"
            )
        return True


def month(now: datetime, offset: int) -> datetime:
    """The first moment of the month so many months from now."""
    months = now.astimezone(UTC).year * 12 + now.astimezone(UTC).month - 1 + offset
    return datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)


def lowest_id(moment: datetime) -> UUID:
    """Ids made at this moment or later (UUIDv7: 48 bits of milliseconds in front) are not less."""
    return UUID(int=round(moment.timestamp() * 1_000) << 80)
