"""The rows of deleted runs."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from fp_postgres import Database, Transaction
from fp_postgres.partitions import lowest_id

_BITE: Final = 5_000  # points a transaction

_NEXT: Final = """
SELECT id FROM runs WHERE deleted_at IS NOT NULL AND id > $1 ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
"""
_BEFORE_EVERY_ID: Final = UUID(int=0)
# From behind the last one: what was deleted before stays in the index until it is vacuumed. The place is
# a row with the run in it, as in `points`.
_POINTS: Final = """
WITH bite AS MATERIALIZED (
    SELECT key, step FROM metric_points
    WHERE (run_id, key, step) > ($1, $2, $3) AND run_id <= $1 ORDER BY run_id, key, step LIMIT $4
), last AS MATERIALIZED (
    SELECT key, step FROM bite ORDER BY key DESC, step DESC LIMIT 1
), deleted AS (
    DELETE FROM metric_points
    WHERE (run_id, key, step) > ($1, $2, $3)
        AND (run_id, key, step) <= ($1, (SELECT key FROM last), (SELECT step FROM last))
)
SELECT key, step FROM last
"""
_BEFORE_EVERY_POINT: Final = ("", -1)
# At most a thousand rows of each.
_REST: Final = (
    "DELETE FROM ended_metrics WHERE run_id = $1",
    "DELETE FROM ended_params WHERE run_id = $1",
    "DELETE FROM latest_metrics WHERE run_id = $1",
    "DELETE FROM run_params WHERE run_id = $1",
    "DELETE FROM runs WHERE id = $1",
)


_EXPIRE: Final = """
WITH old AS (
    SELECT id, team, experiment_id FROM runs
    WHERE id < $1 AND status <> 'RUNNING' AND ended_at < $2 AND deleted_at IS NULL ORDER BY id LIMIT $4
), noted AS (
    INSERT INTO deleted_runs (team, id, experiment_id, deleted_at, deleted_by)
    SELECT team, id, experiment_id, $3, 'retention' FROM old ON CONFLICT DO NOTHING
)
UPDATE runs SET deleted_at = $3, artifacts = '' WHERE id = ANY (ARRAY(SELECT id FROM old))
"""
_EXPIRED: Final = 500  # runs a transaction


class DeletedRuns:
    """Removes them. Replicas share the work; what one leaves half done, another goes on with."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def expire(self, now: datetime, retained: timedelta) -> int:
        """Delete runs that ended so long ago; how many they were."""
        total, before = 0, now - retained
        while True:
            done = await self._database.execute(_EXPIRE, lowest_id(before), before, now, _EXPIRED)
            count = int(done.rpartition(" ")[2])
            total += count
            if count < _EXPIRED:
                return total

    async def remove(self) -> int:
        """All that wait; how many they were."""
        removed, last = 0, _BEFORE_EVERY_ID
        while (run := await self._one(last)) is not None:
            removed, last = removed + 1, run
        return removed

    async def _one(self, after: UUID) -> UUID | None:
        """The run that was removed; None when no other waits."""
        run: UUID | None = None
        place = _BEFORE_EVERY_POINT
        while True:
            async with self._database.transaction() as tx:
                if run is None:
                    run = await tx.fetchval(_NEXT, after)
                found = await self._bite(tx, run, place) if run else None
            if found is None:
                return run
            place = found

    async def _bite(self, tx: Transaction, run: UUID, place: tuple[str, int]) -> tuple[str, int] | None:
        """Where the next bite begins; None when the run is gone."""
        last = await tx.fetchrow(_POINTS, run, *place, _BITE)
        if last is not None:
            return last["key"], last["step"]
        for statement in _REST:
            await tx.execute(statement, run)
        return None
