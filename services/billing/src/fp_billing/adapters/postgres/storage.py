"""Stored artifacts in Postgres."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time

from fp_postgres import Transaction

from fp_billing.domain.periods import Period, day_of, period_of
from fp_billing.domain.storage import ArchivedModel, RestoredModel, StoredVersion

_STORE = """
INSERT INTO stored_versions (team, version_id, model_id, model_version, size_bytes, paid_for, last_month)
VALUES ($1, $2, $3, $4, $5, $6,
        coalesce((SELECT month FROM archived_models WHERE team = $1 AND model_id = $3), 'infinity'))
ON CONFLICT (team, version_id) DO NOTHING
"""
_NOTE_ARCHIVED = """
INSERT INTO archived_models (team, model_id, month, told_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (team, model_id) DO UPDATE SET month = excluded.month, told_at = excluded.told_at
WHERE archived_models.told_at < excluded.told_at RETURNING month
"""
_NOTE_RESTORED = """
INSERT INTO archived_models (team, model_id, month, told_at) VALUES ($1, $2, 'infinity', $3)
ON CONFLICT (team, model_id) DO UPDATE SET month = excluded.month, told_at = excluded.told_at
WHERE archived_models.told_at < excluded.told_at RETURNING month
"""
_ARCHIVE = "UPDATE stored_versions SET last_month = least(last_month, $3) WHERE team = $1 AND model_id = $2"
# The months between are free. Where there is none, months that are not metered yet stay so, and are metered soon.
_RESTORE = """
UPDATE stored_versions SET last_month = 'infinity', paid_for = CASE
    WHEN last_month < ($3::date - interval '1 month') THEN greatest(paid_for, ($3::date - interval '1 month')::date)
    ELSE paid_for END
WHERE team = $1 AND model_id = $2 AND last_month < 'infinity'
"""
_UNPAID = """
SELECT version_id, model_id, model_version, size_bytes, paid_for, least(last_month, $2) AS last_month
FROM stored_versions WHERE paid_for < last_month AND paid_for < $2 AND team = $1
ORDER BY paid_for LIMIT $3
"""
_PAY = "UPDATE stored_versions SET paid_for = $3 WHERE team = $1 AND version_id = any($2::text[])"


class PostgresStorage:
    """`app.ports.Storage` within one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def add(self, team: str, version: StoredVersion) -> None:
        await self._transaction.execute(
            _STORE,
            team,
            version.version_id,
            version.model_id,
            version.model_version,
            version.size_bytes,
            day_of(version.paid_for.start),
        )

    async def archive(self, team: str, model: ArchivedModel) -> None:
        month = day_of(period_of(model.at).start)
        if await self._transaction.fetchval(_NOTE_ARCHIVED, team, model.model_id, month, model.at) is not None:
            await self._transaction.execute(_ARCHIVE, team, model.model_id, month)

    async def restore(self, team: str, model: RestoredModel) -> None:
        if await self._transaction.fetchval(_NOTE_RESTORED, team, model.model_id, model.at) is not None:
            await self._transaction.execute(_RESTORE, team, model.model_id, day_of(period_of(model.at).start))

    async def unpaid(self, team: str, month: Period, limit: int) -> Sequence[tuple[StoredVersion, Period]]:
        rows = await self._transaction.fetch(_UNPAID, team, day_of(month.start), limit)
        return [
            (
                StoredVersion(
                    version_id=row["version_id"],
                    model_id=row["model_id"],
                    model_version=row["model_version"],
                    size_bytes=row["size_bytes"],
                    paid_for=_period(row["paid_for"]),
                ),
                _period(row["last_month"]),
            )
            for row in rows
        ]

    async def pay(self, team: str, version_ids: Sequence[str], month: Period) -> None:
        await self._transaction.execute(_PAY, team, list(version_ids), day_of(month.start))


def _period(first: date) -> Period:
    return Period(datetime.combine(first, time(), UTC))
