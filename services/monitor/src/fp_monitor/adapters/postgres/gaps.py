"""Predictions that were dropped before they were read."""

from collections.abc import Sequence
from datetime import datetime

from asyncpg import Record
from fp_postgres import Connection

from fp_monitor.domain.gap import Gap

COLUMNS = "stream, first_message, last_message, since, until, noticed_at"


class PostgresGaps:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, gap: Gap) -> None:
        # Replicas report the same gap at the same time.
        await self._connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 11))", gap.stream)
        known = [each for each in await self.noticed(gap.noticed_after, gap.noticed_at) if each.touches(gap)]
        for each in known:
            await self._connection.execute(
                "DELETE FROM gaps WHERE noticed_at = $1 AND stream = $2 AND first_message = $3",
                each.noticed_at,
                each.stream,
                each.first,
            )
        joined = gap.joined(known)
        await self._connection.execute(
            """
            INSERT INTO gaps (stream, first_message, last_message, since, until, noticed_at)
            VALUES ($1, $2, $3, $4, $5, $6)
            """,
            joined.stream,
            joined.first,
            joined.last,
            joined.since,
            joined.until,
            joined.noticed_at,
        )

    async def noticed(self, since: datetime, until: datetime) -> Sequence[Gap]:
        rows = await self._connection.fetch(
            f"SELECT {COLUMNS} FROM gaps WHERE noticed_at >= $1 AND noticed_at <= $2",  # noqa: S608 -- constants
            since,
            until,
        )
        return [gap_from(row) for row in rows]


def gap_from(row: Record) -> Gap:
    return Gap(row["stream"], row["first_message"], row["last_message"], row["since"], row["until"], row["noticed_at"])
