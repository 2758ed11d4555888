"""Log lines of steps."""

from collections.abc import Sequence
from datetime import datetime

from fp_postgres import Database, Transaction

from fp_pipeline.domain.logs import LogLine, numbered


class PostgresLogs:
    """Inside a transaction that holds the execution's row."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def append(self, execution_id: str, step_id: str, texts: Sequence[str], skipped: int, at: datetime) -> None:
        last = await self._transaction.fetchval(LAST, execution_id, step_id)
        await self._transaction.executemany(
            "INSERT INTO step_logs (execution_id, step_id, line, text, at) VALUES ($1::uuid, $2, $3, $4, $5)",
            [
                (execution_id, step_id, line.number, line.text, line.at)
                for line in numbered(texts, last + skipped + 1, at)
            ],
        )


class PostgresLogReads:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def log(self, execution_id: str, step_id: str, after: int, limit: int) -> Sequence[LogLine]:
        rows = await self._database.fetch(
            """
            SELECT line, text, at FROM step_logs
            WHERE execution_id = $1::uuid AND step_id = $2 AND line > $3 ORDER BY line LIMIT $4
            """,
            execution_id,
            step_id,
            after,
            limit,
        )
        return [LogLine(row["line"], row["text"], row["at"]) for row in rows]

    async def last_line(self, execution_id: str, step_id: str) -> int:
        last: int = await self._database.fetchval(LAST, execution_id, step_id)
        return last


LAST = "SELECT coalesce(max(line), 0) FROM step_logs WHERE execution_id = $1::uuid AND step_id = $2"
