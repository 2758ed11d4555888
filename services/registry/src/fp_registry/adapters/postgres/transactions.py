"""Changes in Postgres."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fp_kernel import NO_COMMAND, Command
from fp_postgres import Database
from fp_postgres import Transaction as PostgresTransaction

from fp_registry.adapters.events import to_event
from fp_registry.adapters.postgres.rows import MODEL, VERSION, as_json, to_model, to_version
from fp_registry.app.ports import PendingUpload
from fp_registry.domain.events import DomainEvent
from fp_registry.domain.model import Model
from fp_registry.domain.promotion import Move
from fp_registry.domain.version import Version


class PostgresTransactions:
    """`app.ports.Transactions` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def __call__(self, command: Command | None = None) -> AsyncIterator["RegistryTransaction"]:
        async with self._database.transaction(command) as tx:
            yield RegistryTransaction(tx, command or NO_COMMAND)


class RegistryTransaction:
    """`app.ports.Transaction`; made by `PostgresTransactions`."""

    def __init__(self, tx: PostgresTransaction, command: Command) -> None:
        self._tx = tx
        self._command = command

    async def add_model(self, model: Model) -> bool:
        status = await self._tx.execute(
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

    async def model(self, team: str, model_id: str) -> Model | None:
        # Two statements: the second one's snapshot is newer than the lock, so that its subqueries see what the lock
        # waited for.
        await self._tx.execute("SELECT FROM models WHERE team = $1 AND id = $2 FOR NO KEY UPDATE", team, model_id)
        row = await self._tx.fetchrow(f"SELECT {MODEL} FROM models m WHERE m.team = $1 AND m.id = $2", team, model_id)  # noqa: S608 -- a constant
        return to_model(row) if row else None

    async def model_of(self, team: str, version_id: str) -> Model | None:
        model_id = await self._tx.fetchval(
            "SELECT model_id FROM versions WHERE team = $1 AND id = $2", team, version_id
        )
        return await self.model(team, model_id) if model_id else None

    async def save_model(self, model: Model) -> None:
        await self._tx.execute(
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

    async def version(self, team: str, version_id: str) -> Version | None:
        return await self._one("v.team = $1 AND v.id = $2", team, version_id)

    async def add_version(self, version: Version) -> bool:
        status = await self._tx.execute(
            """
            INSERT INTO versions (id, team, model_id, version, ordinal, description, stage, status, artifact_path,
                                  artifact_digest, size_bytes, metrics, signature, baseline_profile, run_id,
                                  failure_reason, created_by, created_at, revision)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::text::jsonb, $13, $14, $15, $16, $17, $18, $19)
            ON CONFLICT (team, model_id, version) DO NOTHING
            """,
            version.id,
            version.team,
            version.model_id,
            version.name,
            version.ordinal,
            version.description,
            version.stage,
            version.status,
            version.artifact_path,
            version.digest,
            version.size_bytes,
            as_json(version.metrics),
            version.described.signature,
            version.described.baseline,
            version.run_id,
            version.failure_reason,
            version.created_by,
            version.created_at,
            version.revision,
        )
        return status == "INSERT 0 1"

    async def save_version(self, version: Version) -> None:
        await self._tx.execute(
            """
            UPDATE versions
            SET stage = $3, status = $4, artifact_path = $5, artifact_digest = $6, size_bytes = $7,
                failure_reason = $8, revision = $9
            WHERE team = $1 AND id = $2
            """,
            version.team,
            version.id,
            version.stage,
            version.status,
            version.artifact_path,
            version.digest,
            version.size_bytes,
            version.failure_reason,
            version.revision,
        )

    async def production(self, model: Model) -> Version | None:
        return await self._one("v.team = $1 AND v.model_id = $2 AND v.stage = 'PRODUCTION'", model.team, model.id)

    async def last_production(self, model: Model) -> Version | None:
        return await self._one(
            """
            v.id = (SELECT t.version_id
                    FROM production_tenures t JOIN versions w ON w.id = t.version_id
                    WHERE t.team = $1 AND t.model_id = $2 AND t.ended_at IS NOT NULL AND w.stage <> 'PRODUCTION'
                    ORDER BY t.number DESC LIMIT 1)
            """,
            model.team,
            model.id,
        )

    async def save_move(self, move: Move, by: str) -> None:
        model = move.model
        await self.save_model(model)
        if move.leaves_production:
            await self.end_tenure(model)
        # The incumbent first: at no moment are two versions in PRODUCTION.
        if move.demoted is not None:
            await self.save_version(move.demoted)
        await self.save_version(move.version)
        if move.enters_production:
            await self._begin_tenure(move, by)

    async def end_tenure(self, model: Model) -> None:
        await self._tx.execute(
            """
            UPDATE production_tenures SET ended_at = greatest(started_at, $3)
            WHERE team = $1 AND model_id = $2 AND ended_at IS NULL
            """,
            model.team,
            model.id,
            model.updated_at,
        )

    async def _begin_tenure(self, move: Move, by: str) -> None:
        await self._tx.execute(
            """
            INSERT INTO production_tenures (team, model_id, number, version_id, version, started_at, promoted_by)
            SELECT $1, $2, coalesce(max(number), 0) + 1, $3, $4, greatest(max(ended_at), $5), $6
            FROM production_tenures WHERE team = $1 AND model_id = $2
            """,
            move.model.team,
            move.model.id,
            move.version.id,
            move.version.name,
            move.model.updated_at,
            by,
        )

    async def measure_later(self, pending: PendingUpload) -> None:
        await self._tx.execute(
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
        found: str | None = await self._tx.fetchval(
            "SELECT expected_digest FROM verifications WHERE version_id = $1", version_id
        )
        return found or ""

    async def measured(self, version: Version) -> None:
        await self._tx.execute("DELETE FROM verifications WHERE version_id = $1", version.id)

    async def refer(self, key: str) -> bool:
        # Waits for whoever dooms it. Without a claim it was deleted, or a twin's version has taken the claim with it.
        status = await self._tx.execute("DELETE FROM artifact_claims WHERE key = $1 AND NOT doomed", key)
        if status == "DELETE 1":
            return True
        found: bool = await self._tx.fetchval(
            "SELECT EXISTS (SELECT FROM versions WHERE artifact_path = $1 AND status = 'READY')", key
        )
        return found

    async def note_unprojected(self, model: Model) -> None:
        await self._tx.execute(
            """
            INSERT INTO unprojected (model_id, team, revision) VALUES ($1, $2, $3)
            ON CONFLICT (model_id) DO UPDATE SET revision = greatest(unprojected.revision, excluded.revision)
            """,
            model.id,
            model.team,
            model.revision,
        )

    def emit(self, event: DomainEvent) -> None:
        self._tx.outbox.add(to_event(event))

    async def complete(self, result: object) -> None:
        await self._tx.complete(self._command, result)

    async def _one(self, condition: str, *arguments: object) -> Version | None:
        row = await self._tx.fetchrow(f"SELECT {VERSION} FROM versions v WHERE {condition}", *arguments)  # noqa: S608 -- constants
        return to_version(row) if row else None
