"""Predictions that nobody labels any more: dropped by the day, and where that cannot be, deleted in bites."""

from datetime import datetime, timedelta

from fp_postgres import Database, Transaction
from fp_postgres.partitions import Partitioned

_BITE = 5_000


def predictions(keep: timedelta) -> Partitioned:
    """keep: after the day in the request id. A prediction is told within its stream's three days."""
    return Partitioned("predictions", by="id", each="day", ahead=7, behind=4, keep=keep)


class PostgresRetention:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def forget(self, before: datetime) -> int:
        """Delete a bite of predictions without a day in their id that were made before; how many there were."""
        undated = await self._database.execute(
            """
            DELETE FROM predictions_undated WHERE ctid = ANY(array(
                SELECT ctid FROM predictions_undated WHERE predicted_at < $1 ORDER BY predicted_at LIMIT $2))
            """,
            before,
            _BITE,
        )
        earlier = await self._database.execute(
            """
            DELETE FROM predictions_before WHERE ctid = ANY(array(
                SELECT ctid FROM predictions_before WHERE predicted_at < $1 LIMIT $2))
            """,
            before,
            _BITE,
        )
        return sum(int(status.rpartition(" ")[2]) for status in (undated, earlier))

    async def delete(self) -> bool:
        """Delete a bite of the predictions of a monitor that was deleted; False when no such monitor is left."""
        async with self._database.transaction() as tx:
            found = await tx.fetchrow(
                """
                SELECT team, model_name, deleted_at, position FROM deletions
                ORDER BY team, model_name LIMIT 1 FOR UPDATE SKIP LOCKED
                """
            )
            if found is None:
                return False
            key = found["team"], found["model_name"]
            reached = await tx.fetchval(
                """
                SELECT max(request_id) FROM (
                    SELECT request_id FROM predictions
                    WHERE team = $1 AND model_name = $2 AND request_id > $3 ORDER BY request_id LIMIT $4
                ) bite
                """,
                *key,
                found["position"],
                _BITE,
            )
            if reached is not None:
                await tx.execute(
                    """
                    DELETE FROM predictions
                    WHERE team = $1 AND model_name = $2 AND request_id > $3 AND request_id <= $4 AND predicted_at <= $5
                    """,
                    *key,
                    found["position"],
                    reached,
                    found["deleted_at"],
                )
                await tx.execute(
                    "UPDATE deletions SET position = $3 WHERE team = $1 AND model_name = $2", *key, reached
                )
            elif not await self._earlier(tx, *key, found["deleted_at"]):
                await tx.execute("DELETE FROM deletions WHERE team = $1 AND model_name = $2", *key)
        return True

    async def _earlier(self, tx: Transaction, team: str, model_name: str, deleted_at: datetime) -> bool:
        status = await tx.execute(
            """
            DELETE FROM predictions_before WHERE ctid = ANY(array(
                SELECT ctid FROM predictions_before
                WHERE team = $1 AND model_name = $2 AND predicted_at <= $3 LIMIT $4))
            """,
            team,
            model_name,
            deleted_at,
            _BITE,
        )
        return not status.endswith(" 0")
