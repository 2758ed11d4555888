"""Files of logs that were deleted."""

from datetime import datetime

from fp_postgres import Database, Transaction

from fp_monitor.adapters.postgres.log import BITE, FILE, file_from, wasted


class PostgresLeftFiles:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def remove(self, team: str, model_name: str, at: datetime) -> bool:
        async with self._database.transaction() as tx:
            held = await tx.fetchval(
                "SELECT true FROM log_deletions WHERE team = $1 AND model_name = $2 FOR UPDATE", team, model_name
            )
            return bool(held) and await self._bite(tx, team, model_name, at)

    async def remove_any(self, at: datetime) -> bool:
        async with self._database.transaction() as tx:
            found = await tx.fetchrow(
                """
                SELECT team, model_name FROM log_deletions
                ORDER BY team, model_name LIMIT 1 FOR UPDATE SKIP LOCKED
                """
            )
            if found is None:
                return False
            await self._bite(tx, found["team"], found["model_name"], at)
        return True

    async def _bite(self, tx: Transaction, team: str, model_name: str, at: datetime) -> bool:
        """False when nothing is left, and so the deletion is through."""
        rows = await tx.fetch(
            f"""
            DELETE FROM log_files WHERE ctid = ANY(array(
                SELECT ctid FROM log_files WHERE team = $1 AND model_name = $2 ORDER BY last_at LIMIT $3))
            RETURNING {FILE}
            """,  # noqa: S608 -- constants
            team,
            model_name,
            BITE,
        )
        if not rows:
            await tx.execute("DELETE FROM log_deletions WHERE team = $1 AND model_name = $2", team, model_name)
            return False
        await wasted(tx, [file_from(row) for row in rows], at)
        return True
