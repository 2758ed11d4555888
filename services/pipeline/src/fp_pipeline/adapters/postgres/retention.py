"""Deletes what is old, in bites that read nothing else: ids of executions are UUIDv7, whose order is their age."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from fp_postgres import Database
from fp_postgres.partitions import lowest_id

_BITE: Final = 5_000  # rows a statement: short locks
_EXECUTIONS: Final = 50  # the same of executions, each with its steps and files
_PIPELINES: Final = 500
_RETAINED_REVISIONS: Final = 10
"""Newest ones that stay without an execution: someone may be about to start one of them."""

# What an execution under way has written stays, however old it is; there are few of those.
_TRANSITIONS: Final = """
DELETE FROM transitions WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM transitions
    WHERE execution_id < $1::uuid AND execution_id <> ALL (ARRAY(
        SELECT id FROM executions WHERE status IN ('PENDING', 'RUNNING', 'COMPENSATING') AND id < $1::uuid
    ))
    ORDER BY execution_id LIMIT $2
))
"""
_LOGS: Final = """
DELETE FROM step_logs WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM step_logs
    WHERE execution_id < $1::uuid AND execution_id <> ALL (ARRAY(
        SELECT id FROM executions WHERE status IN ('PENDING', 'RUNNING', 'COMPENSATING') AND id < $1::uuid
    ))
    ORDER BY execution_id LIMIT $2
))
"""
_GONE_DEPLOYMENTS: Final = """
DELETE FROM deployments WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM deployments WHERE state = 'GONE' AND stop_at < $1 ORDER BY stop_at LIMIT $2
))
"""
_ENDED_PROMOTIONS: Final = """
DELETE FROM promotions WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM promotions WHERE ended_at < $1 ORDER BY ended_at LIMIT $2
))
"""
# Steps, transitions, lines and a turn go with their execution. One that deployed what still runs stays.
_OLD_EXECUTIONS: Final = """
SELECT id::text AS execution_id FROM executions
WHERE id < $1::uuid AND status IN ('COMPLETED', 'FAILED', 'CANCELLED')
    AND id <> ALL (ARRAY(SELECT execution_id FROM deployments WHERE execution_id < $1::uuid))
ORDER BY id LIMIT $2
"""
_ENDED_EXECUTIONS: Final = """
WITH answered AS (
    DELETE FROM retrains WHERE execution_id = ANY ($1::uuid[])
)
DELETE FROM executions WHERE id = ANY ($1::uuid[]) AND status IN ('COMPLETED', 'FAILED', 'CANCELLED')
"""
_REVISIONS: Final = """
WITH bite AS MATERIALIZED (
    SELECT id, revision FROM pipelines WHERE id > $1::uuid ORDER BY id LIMIT $2
), gone AS (
    DELETE FROM pipeline_revisions r USING bite
    WHERE r.pipeline_id = bite.id AND r.revision <= bite.revision - $3 AND NOT EXISTS (
        SELECT 1 FROM executions e WHERE e.pipeline_id = r.pipeline_id AND e.pipeline_revision = r.revision
    )
    RETURNING 1
)
SELECT (SELECT id::text FROM bite ORDER BY id DESC LIMIT 1) AS last, (SELECT count(*) FROM gone) AS number
"""
_FIRST_ID: Final = "00000000-0000-0000-0000-000000000000"


class PostgresRetention:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def forget_history(self, before: datetime) -> int:
        """Transitions and log lines of executions that began before and have ended; how many rows that were."""
        oldest = lowest_id(before)
        transitions = await self._bites(_TRANSITIONS, oldest, _BITE)
        lines = await self._bites(_LOGS, oldest, _BITE)
        return transitions + lines

    async def forget_deployments(self, before: datetime) -> int:
        """Those whose runtime stopped before."""
        return await self._bites(_GONE_DEPLOYMENTS, before, _BITE)

    async def forget_promotions(self, before: datetime) -> int:
        """Those that ended before."""
        return await self._bites(_ENDED_PROMOTIONS, before, _BITE)

    async def old_executions(self, before: datetime) -> Sequence[str]:
        rows = await self._database.fetch(_OLD_EXECUTIONS, lowest_id(before), _EXECUTIONS)
        return [row["execution_id"] for row in rows]

    async def forget_executions(self, ids: Sequence[str]) -> int:
        """With all that is theirs."""
        status = await self._database.execute(_ENDED_EXECUTIONS, list(ids))
        return int(status.rpartition(" ")[2])

    async def forget_revisions(self) -> int:
        """Old steps of pipelines that no execution has any more; how many that were."""
        deleted, last = 0, _FIRST_ID
        while last:
            row = await self._database.fetchrow(_REVISIONS, last, _PIPELINES, _RETAINED_REVISIONS)
            last = (row and row["last"]) or ""
            deleted += row["number"] if row else 0
        return deleted

    async def _bites(self, query: str, before: object, bite: int) -> int:
        deleted = 0
        while True:
            status = await self._database.execute(query, before, bite)
            number = int(status.rpartition(" ")[2])
            deleted += number
            if number < bite:
                return deleted
