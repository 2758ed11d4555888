"""Models as changes read and write them."""

from collections.abc import Collection

from fp_postgres import Transaction

from fp_registry.adapters.postgres.rows import MODEL, as_json, to_model
from fp_registry.domain.model import Model


class PostgresModels:
    """`app.ports.Models` within one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def add(self, model: Model) -> bool:
        status = await self._transaction.execute(
            """
            INSERT INTO models (id, team, name, description, owner_id, framework, task_type, tags, revision, versions,
                                next_number, created_at, updated_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text::jsonb, $9, $10, $11, $12, $13)
            ON CONFLICT (team, name) DO NOTHING
            """,
            model.id,
            model.team,
            model.name,
            model.description,
            model.owner_id,
            model.framework,
            model.task_type,
            as_json(model.tags),
            model.revision,
            model.versions,
            model.next_number,
            model.created_at,
            model.updated_at,
        )
        return status == "INSERT 0 1"

    async def lock(self, team: str, model_id: str) -> Model | None:
        # Two statements: the second one's snapshot is newer than the lock, so that its subqueries see what the lock
        # waited for.
        await self._transaction.execute(
            "SELECT FROM models WHERE team = $1 AND id = $2 FOR NO KEY UPDATE", team, model_id
        )
        row = await self._transaction.fetchrow(
            f"SELECT {MODEL} FROM models m WHERE m.team = $1 AND m.id = $2",  # noqa: S608 -- a constant
            team,
            model_id,
        )
        return to_model(row) if row else None

    async def lock_of(self, team: str, version_id: str) -> Model | None:
        model_id = await self._transaction.fetchval(
            "SELECT model_id FROM versions WHERE team = $1 AND id = $2", team, version_id
        )
        return await self.lock(team, model_id) if model_id else None

    async def hold(self, team: str, model_ids: Collection[str]) -> frozenset[str]:
        # Shared, as a foreign key would: several ensembles may be made of one model at the same time.
        rows = await self._transaction.fetch(
            """
            SELECT id FROM models WHERE team = $1 AND id = ANY($2::uuid[]) AND archived_at IS NULL ORDER BY id FOR SHARE
            """,
            team,
            list(model_ids),
        )
        return frozenset(str(row["id"]) for row in rows)

    async def save(self, model: Model) -> None:
        await self._transaction.execute(
            """
            UPDATE models
            SET description = $3, tags = $4::text::jsonb, revision = $5, versions = $6, next_number = $7,
                updated_at = $8, archived_at = $9
            WHERE team = $1 AND id = $2
            """,
            model.team,
            model.id,
            model.description,
            as_json(model.tags),
            model.revision,
            model.versions,
            model.next_number,
            model.updated_at,
            model.archived_at,
        )
