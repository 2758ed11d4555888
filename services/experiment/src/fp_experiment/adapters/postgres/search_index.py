"""The search index of ended runs."""

from typing import Final

from fp_postgres import Database

_BITE: Final = 50  # runs a transaction

# A run that another replica is at, or whose artifacts are being written, is passed over and comes next time.
_ENDED: Final = """
SELECT id, team FROM runs WHERE NOT searchable AND status <> 'RUNNING' AND deleted_at IS NULL
ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED
"""
_METRICS: Final = """
INSERT INTO ended_metrics (team, key, run_id, value)
SELECT run.team, stored.key, stored.run_id, stored.value
FROM unnest($1::uuid[], $2::text[]) AS run (id, team) JOIN latest_metrics AS stored ON stored.run_id = run.id
ON CONFLICT DO NOTHING
"""
_PARAMS: Final = """
INSERT INTO ended_params (team, key, run_id, digest)
SELECT run.team, stored.key, stored.run_id, hashtextextended(stored.value, 0)
FROM unnest($1::uuid[], $2::text[]) AS run (id, team) JOIN run_params AS stored ON stored.run_id = run.id
ON CONFLICT DO NOTHING
"""
_DONE: Final = "UPDATE runs SET searchable = true WHERE id = any($1::uuid[])"


class EndedRuns:
    """Moves runs that have ended to where searches find them by value; until then searches look at each by itself."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def index(self) -> int:
        """All that wait; how many they were. Replicas share the work."""
        total = 0
        while True:
            count = await self._some()
            total += count
            if count < _BITE:
                return total

    async def _some(self) -> int:
        async with self._database.transaction() as tx:
            rows = await tx.fetch(_ENDED, _BITE)
            if rows:
                ids = [row["id"] for row in rows]
                teams = [row["team"] for row in rows]
                await tx.execute(_METRICS, ids, teams)
                await tx.execute(_PARAMS, ids, teams)
                await tx.execute(_DONE, ids)
        return len(rows)
