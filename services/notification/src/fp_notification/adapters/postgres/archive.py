"""Old notifications."""

from datetime import datetime, timedelta

from fp_postgres import Database
from fp_postgres.partitions import lowest_id

_FLOOD = timedelta(hours=1)
_FORGET_HOSTS = """
WITH page AS (
    SELECT host, failures FROM destinations WHERE host > $1 ORDER BY host LIMIT $2
), gone AS (
    DELETE FROM destinations WHERE host IN (SELECT host FROM page WHERE failures = 0) AND failures = 0
)
SELECT max(host) FROM page
"""
_DELETE_FLOODS = "DELETE FROM floods WHERE begins_at < $1"


class PostgresArchive:
    """`retention.Archive` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def delete(self, before: datetime, now: datetime, limit: int) -> int:
        # Ids begin with their time: the primary key finds the oldest, and needs no index beside it.
        await self._database.execute(_DELETE_FLOODS, now - _FLOOD)
        status = await self._database.execute(
            "DELETE FROM notifications WHERE id IN (SELECT id FROM notifications WHERE id < $1 ORDER BY id LIMIT $2)",
            lowest_id(before),
            limit,
        )
        return int(status.removeprefix("DELETE "))

    async def forget_hosts(self, after: str, limit: int) -> str:
        return str(await self._database.fetchval(_FORGET_HOSTS, after, limit) or "")
