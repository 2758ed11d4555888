"""Uploads that are measured in the background: as changes write them, and as a queue."""

import json
from datetime import timedelta

from fp_postgres import Database, Transaction

from fp_registry.adapters.postgres.rows import as_json
from fp_registry.app.ports import PendingUpload


class PostgresPendingUploads:
    """`app.ports.PendingUploads` within one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def add(self, pending: PendingUpload) -> None:
        await self._transaction.execute(
            """
            INSERT INTO verifications (version_id, team, expected_digest, requested_by, correlation_id, trace)
            VALUES ($1, $2, $3, $4, $5, $6::text::jsonb)
            ON CONFLICT (version_id) DO UPDATE
            SET expected_digest = coalesce(nullif(excluded.expected_digest, ''), verifications.expected_digest)
            """,
            pending.version_id,
            pending.team,
            pending.expected_digest,
            pending.requested_by,
            pending.correlation_id,
            as_json(pending.trace),
        )

    async def expected_digest(self, version_id: str) -> str:
        found: str | None = await self._transaction.fetchval(
            "SELECT expected_digest FROM verifications WHERE version_id = $1", version_id
        )
        return found or ""

    async def remove(self, version_id: str) -> None:
        await self._transaction.execute("DELETE FROM verifications WHERE version_id = $1", version_id)


class PostgresUploadQueue:
    """`app.ports.UploadQueue`; the database's clock decides, so that replicas agree."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, lease: timedelta) -> PendingUpload | None:
        row = await self._database.fetchrow(
            """
            UPDATE verifications SET due_at = now() + $1, attempts = attempts + 1
            WHERE version_id = (SELECT version_id FROM verifications WHERE due_at <= now()
                                ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
            RETURNING version_id, team, expected_digest, requested_by, correlation_id, trace::text AS trace, attempts
            """,
            lease,
        )
        if row is None:
            return None
        return PendingUpload(
            version_id=str(row["version_id"]),
            team=row["team"],
            expected_digest=row["expected_digest"],
            requested_by=row["requested_by"],
            correlation_id=row["correlation_id"],
            trace=json.loads(row["trace"]),
            attempts=row["attempts"],
        )

    async def extend(self, version_id: str, lease: timedelta) -> None:
        await self._delay(version_id, lease)

    async def put_back(self, version_id: str, delay: timedelta) -> None:
        await self._delay(version_id, delay)

    async def _delay(self, version_id: str, delay: timedelta) -> None:
        await self._database.execute(
            "UPDATE verifications SET due_at = now() + $2 WHERE version_id = $1", version_id, delay
        )
