"""Spans of time in which a version was in PRODUCTION."""

from fp_postgres import Transaction

from fp_registry.domain.model import Model
from fp_registry.domain.version import Version


class PostgresTenures:
    """`app.ports.Tenures` within one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def begin(self, model: Model, version: Version, by: str) -> None:
        await self._transaction.execute(
            """
            INSERT INTO production_tenures (team, model_id, number, version_id, version, started_at, promoted_by)
            SELECT $1, $2, coalesce(max(number), 0) + 1, $3, $4, greatest(max(ended_at), $5), $6
            FROM production_tenures WHERE team = $1 AND model_id = $2
            """,
            model.team,
            model.id,
            version.id,
            version.name,
            model.updated_at,
            by,
        )

    async def end(self, model: Model) -> None:
        await self._transaction.execute(
            """
            UPDATE production_tenures SET ended_at = greatest(started_at, $3)
            WHERE team = $1 AND model_id = $2 AND ended_at IS NULL
            """,
            model.team,
            model.id,
            model.updated_at,
        )
