"""Old notifications."""

from datetime import UTC, datetime, timedelta

from fp_kernel.ids import uuid7
from fp_postgres import Database

_MILLISECONDS = 1_000
_FLOOD = timedelta(hours=1)
_FORGET_FLOODS = "DELETE FROM floods WHERE begins_at < $1"


class PostgresArchive:
    """`app.housekeeping.Archive` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def forget(self, keep: timedelta, limit: int) -> int:
        # Ids begin with their time: the primary key finds the oldest, and needs no index beside it.
        await self._database.execute(_FORGET_FLOODS, datetime.now(UTC) - _FLOOD)
        await self._database.execute("DELETE FROM destinations WHERE failures = 0")
        oldest = uuid7(int((datetime.now(UTC) - keep).timestamp() * _MILLISECONDS))
        status = await self._database.execute(
            "DELETE FROM notifications WHERE id IN (SELECT id FROM notifications WHERE id < $1 ORDER BY id LIMIT $2)",
            oldest,
            limit,
        )
        return int(status.removeprefix("DELETE "))
