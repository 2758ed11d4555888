"""The queue of uploads that are measured in the background."""

import json
from datetime import timedelta

from fp_postgres import Database

from fp_registry.app.ports import PendingUpload


class PostgresPendingUploads:
    """`app.ports.PendingUploads`; the database's clock decides, so that replicas agree."""

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
