"""Executions: written under a lock or a lease, read by anyone of the team."""

import json
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from fp_kernel import PageRequest
from fp_postgres import Connection, Transaction
from fp_postgres.signals import notify

from fp_pipeline.adapters.postgres.rows import EXECUTION, execution_from, steps_from, transition_from
from fp_pipeline.adapters.postgres.step_columns import state_to_text
from fp_pipeline.app.ports import WORK, cancelling, changed
from fp_pipeline.domain.execution import Cancellation, Execution, ExecutionStatus, Transition
from fp_pipeline.domain.lease import Lease, LeaseLost
from fp_pipeline.domain.progress import Progress

CHANNEL: Final = "fp_pipeline"
"""Of this service's signals."""


async def load(connection: Connection, where: str, *arguments: object) -> Execution | None:
    """One execution with its steps, of one moment. where: a condition on `e`."""
    row = await connection.fetchrow(
        f"""
        SELECT {EXECUTION}, r.steps,
            (SELECT jsonb_object_agg(s.step_id, s.state) FROM step_executions s WHERE s.execution_id = e.id) AS states
        FROM executions e
        JOIN pipeline_revisions r ON r.pipeline_id = e.pipeline_id AND r.revision = e.pipeline_revision
        WHERE {where}
        """,  # noqa: S608 -- constants of this package
        *arguments,
    )
    return execution_from(row, steps_from(row["steps"], row["states"])) if row else None


class PostgresExecutions:
    """Inside a transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def add(self, execution: Execution) -> None:
        await self._transaction.execute(
            """
            INSERT INTO executions (id, team, pipeline_id, pipeline_revision, pipeline_name, type, status, input,
                triggered_by, cause_event_id, correlation_id, trace, created_at, sequence)
            VALUES ($1::uuid, $2, $3::uuid, $4, $5, $6, $7, $8::jsonb, $9, $10, $11, $12::jsonb, $13, $14)
            """,
            execution.id,
            execution.team,
            execution.pipeline_id,
            execution.pipeline_revision,
            execution.pipeline_name,
            execution.type,
            execution.status,
            json.dumps(execution.input),
            execution.cause.triggered_by,
            execution.cause.event_id,
            execution.cause.correlation_id,
            json.dumps(dict(execution.cause.trace)),
            execution.created_at,
            execution.sequence,
        )
        await self._transaction.executemany(
            """
            INSERT INTO step_executions (execution_id, step_id, id, state)
            VALUES ($1::uuid, $2, $3::uuid, $4::jsonb)
            """,
            [(execution.id, step.step_id, step.id, state_to_text(step)) for step in execution.steps],
        )
        first = Transition(execution.sequence, execution.status, "", "", None, execution.created_at)
        await self._transitions(execution.id, [first])
        await notify(self._transaction, CHANNEL, WORK)

    async def find(self, team: str, execution_id: str) -> Execution | None:
        # A statement of its own: one that waited for the lock would read the steps as they were before the wait.
        await self._transaction.execute(
            "SELECT 1 FROM executions WHERE team = $1 AND id = $2::uuid FOR UPDATE", team, execution_id
        )
        return await load(self._transaction, "e.team = $1 AND e.id = $2::uuid", team, execution_id)

    async def any_open(self, team: str, pipeline_id: str) -> bool:
        found: bool = await self._transaction.fetchval(
            """
            SELECT EXISTS (
                SELECT 1 FROM executions
                WHERE team = $1 AND pipeline_id = $2::uuid AND status IN ('PENDING', 'RUNNING', 'COMPENSATING')
            )
            """,
            team,
            pipeline_id,
        )
        return found

    async def idle(self, execution_id: str) -> bool:
        idle: bool = await self._transaction.fetchval(
            "SELECT lease_until <= now() FROM executions WHERE id = $1::uuid", execution_id
        )
        return idle

    async def save(self, progress: Progress, lease: Lease | None) -> None:
        execution = progress.execution
        written = await self._transaction.fetchval(
            """
            UPDATE executions SET status = $3, current_step = $4, started_at = $5, completed_at = $6, error = $7,
                failed_step = $8, sequence = $9
            WHERE id = $1::uuid AND ($2::bigint IS NULL OR lease_token = $2)
            RETURNING true
            """,
            execution.id,
            lease.token if lease else None,
            execution.status,
            execution.current_step,
            execution.started_at,
            execution.completed_at,
            execution.error,
            execution.failed_step,
            execution.sequence,
        )
        if written is None:
            raise LeaseLost(f"execution {execution.id} has another worker")
        await self._transaction.executemany(
            """
            INSERT INTO step_executions (execution_id, step_id, id, state)
            VALUES ($1::uuid, $2, $3::uuid, $4::jsonb)
            ON CONFLICT (execution_id, step_id) DO UPDATE SET state = excluded.state
            """,
            [(execution.id, step.step_id, step.id, state_to_text(step)) for step in progress.steps],
        )
        await self._transitions(execution.id, progress.transitions)
        await notify(self._transaction, CHANNEL, changed(execution.id))

    async def ask_to_cancel(self, execution_id: str, cancellation: Cancellation) -> None:
        await self._transaction.execute(
            "UPDATE executions SET cancelled_by = $2, cancel_reason = $3 WHERE id = $1::uuid",
            execution_id,
            cancellation.by,
            cancellation.reason,
        )
        await notify(self._transaction, CHANNEL, cancelling(execution_id))

    async def end(self, execution_id: str) -> None:
        await self._transaction.execute("DELETE FROM deployment_turns WHERE execution_id = $1::uuid", execution_id)

    async def _transitions(self, execution_id: str, transitions: Sequence[Transition]) -> None:
        await self._transaction.executemany(
            """
            INSERT INTO transitions (execution_id, sequence, status, current_step, error, step_id, state, at)
            VALUES ($1::uuid, $2, $3, $4, $5, $6, $7::jsonb, $8)
            """,
            [
                (
                    execution_id,
                    each.sequence,
                    each.status,
                    each.current_step,
                    each.error,
                    each.step.step_id if each.step else "",
                    state_to_text(each.step) if each.step else None,
                    each.at,
                )
                for each in transitions
            ],
        )


class PostgresExecutionReads:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def execution(self, team: str, execution_id: str) -> Execution | None:
        return await load(self._connection, "e.team = $1 AND e.id = $2::uuid", team, execution_id)

    async def executions(
        self, team: str, pipeline_id: str, status: ExecutionStatus | None, page: PageRequest
    ) -> Sequence[Execution]:
        # Filters are literals, and only those that are asked for: a plan shared by all values would read half of the
        # table for a pipeline that has run ten times.
        where = ["e.team = $1"]
        if pipeline_id:
            where.append(f"e.pipeline_id = '{UUID(pipeline_id)}'::uuid")
        if status is not None:
            where.append(f"e.status = '{status.value}'")
        if page.after is not None:
            where.append("e.id < $2::uuid")
        rows = await self._connection.fetch(
            f"""
            SELECT {EXECUTION} FROM executions e
            WHERE {" AND ".join(where)} ORDER BY e.id DESC LIMIT {page.size:d}
            """,  # noqa: S608 -- a UUID, a name of an enum, a number
            team,
            *(page.after or ()),
        )
        return [execution_from(row) for row in rows]

    async def transitions(self, execution: Execution, after: int, limit: int) -> Sequence[Transition]:
        rows = await self._connection.fetch(
            """
            SELECT sequence, status, current_step, error, step_id, state, at FROM transitions
            WHERE execution_id = $1::uuid AND sequence > $2 ORDER BY sequence LIMIT $3
            """,
            execution.id,
            after,
            limit,
        )
        definitions = {step.id: step for step in execution.definitions}
        return [transition_from(row, definitions) for row in rows]
