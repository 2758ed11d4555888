"""Executions whose jobs have tokens."""

from datetime import datetime

from fp_postgres import Connection

from fp_auth.adapters.postgres.statements import affected


class PostgresJobExecutions:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def issue(self, execution_id: str, team: str, until: datetime) -> bool:
        status = await self._connection.execute(
            """
            INSERT INTO job_executions AS known (execution_id, team, until) VALUES ($1, $2, $3)
            ON CONFLICT (execution_id) DO UPDATE SET until = greatest(known.until, excluded.until)
            WHERE known.team = excluded.team AND known.ended_at IS NULL
            """,
            execution_id,
            team,
            until,
        )
        return affected(status) == 1

    async def end(self, execution_id: str, team: str, now: datetime) -> bool:
        status = await self._connection.execute(
            """
            UPDATE job_executions SET ended_at = $3
            WHERE execution_id = $1 AND team = $2 AND ended_at IS NULL AND until > $3
            """,
            execution_id,
            team,
            now,
        )
        return affected(status) == 1

    async def prune(self, now: datetime, limit: int) -> int:
        return affected(
            await self._connection.execute(
                """
                DELETE FROM job_executions WHERE ctid = ANY (ARRAY(
                    SELECT ctid FROM job_executions WHERE until < $1 ORDER BY until LIMIT $2))
                """,
                now,
                limit,
            )
        )
