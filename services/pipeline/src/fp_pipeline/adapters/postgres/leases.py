"""Leases of executions, on the database's clock: workers' clocks may differ."""

from collections.abc import Sequence

from fp_postgres import Database

from fp_pipeline.adapters.postgres.executions import load
from fp_pipeline.domain.execution import Cancellation, Execution
from fp_pipeline.domain.lease import Lease, LeaseLost


class PostgresLeases:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, holder: str, limit: int, ttl: float, but: frozenset[str] = frozenset()) -> Sequence[Lease]:
        rows = await self._database.fetch(
            """
            WITH free AS (
                SELECT id FROM executions
                WHERE status IN ('PENDING', 'RUNNING', 'COMPENSATING') AND lease_until <= now()
                    AND id <> ALL ($4::uuid[])
                ORDER BY id LIMIT $2
                FOR UPDATE SKIP LOCKED
            )
            UPDATE executions e
            SET lease_holder = $1, lease_token = e.lease_token + 1, lease_until = now() + make_interval(secs => $3)
            FROM free WHERE e.id = free.id
            RETURNING e.id::text, e.lease_token
            """,
            holder,
            limit,
            ttl,
            list(but),
        )
        return [Lease(row["id"], holder, row["lease_token"]) for row in rows]

    async def renew(self, lease: Lease, ttl: float) -> Cancellation | None:
        row = await self._database.fetchrow(
            """
            UPDATE executions SET lease_until = now() + make_interval(secs => $3)
            WHERE id = $1::uuid AND lease_token = $2
            RETURNING cancelled_by, cancel_reason
            """,
            lease.execution_id,
            lease.token,
            ttl,
        )
        if row is None:
            raise LeaseLost(f"execution {lease.execution_id} has another worker")
        return Cancellation(row["cancelled_by"], row["cancel_reason"]) if row["cancelled_by"] is not None else None

    async def release(self, lease: Lease, pause: float) -> None:
        await self._database.execute(
            """
            UPDATE executions SET lease_until = now() + make_interval(secs => $3)
            WHERE id = $1::uuid AND lease_token = $2
            """,
            lease.execution_id,
            lease.token,
            pause,
        )

    async def load(self, lease: Lease) -> Execution:
        found = await load(self._database, "e.id = $1::uuid AND e.lease_token = $2", lease.execution_id, lease.token)
        if found is None:
            raise LeaseLost(f"execution {lease.execution_id} has another worker")
        return found
