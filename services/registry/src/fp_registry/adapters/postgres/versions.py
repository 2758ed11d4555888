"""Versions as changes read and write them."""

from collections.abc import Mapping

from fp_postgres import Transaction

from fp_registry.adapters.postgres.rows import VERSION, as_json, members_json, to_version
from fp_registry.domain.model import Model
from fp_registry.domain.version import Version


class PostgresVersions:
    """`app.ports.Versions` within one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def add(self, version: Version) -> bool:
        status = await self._transaction.execute(
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

    async def find(self, team: str, version_id: str) -> Version | None:
        return await self._one("v.team = $1 AND v.id = $2", team, version_id)

    async def in_production(self, model: Model) -> Version | None:
        return await self._one("v.team = $1 AND v.model_id = $2 AND v.stage = 'PRODUCTION'", model.team, model.id)

    async def last_in_production(self, model: Model) -> Version | None:
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

    async def save(self, version: Version) -> None:
        await self._transaction.execute(
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

    async def compose(self, version: Version) -> None:
        await self._transaction.execute(
            "UPDATE versions SET signature = $3, members = $4::text::jsonb WHERE team = $1 AND id = $2",
            version.team,
            version.id,
            version.described.signature,
            members_json(version.members),
        )

    async def member_models(self, model: Model) -> Mapping[str, str]:
        rows = await self._transaction.fetch(
            """
            SELECT DISTINCT member->>'model_id' AS id, member->>'model' AS name
            FROM versions v, jsonb_array_elements(v.members) AS member
            WHERE v.team = $1 AND v.model_id = $2::text::uuid AND v.stage <> 'ARCHIVED' AND v.members <> '[]'
                AND member->>'model_id' <> $2::text
            """,
            model.team,
            model.id,
        )
        return {row["id"]: row["name"] for row in rows}

    async def used_by(self, model: Model) -> tuple[str, str] | None:
        row = await self._transaction.fetchrow(
            """
            SELECT m.name, v.version
            FROM versions v JOIN models m ON m.team = v.team AND m.id = v.model_id
            WHERE v.members <> '[]' AND v.members @> jsonb_build_array(jsonb_build_object('model_id', $2::text))
                AND v.team = $1 AND v.model_id <> $2::text::uuid AND v.stage <> 'ARCHIVED' AND m.archived_at IS NULL
            LIMIT 1
            """,
            model.team,
            model.id,
        )
        return (row["name"], row["version"]) if row else None

    async def _one(self, condition: str, *arguments: object) -> Version | None:
        row = await self._transaction.fetchrow(f"SELECT {VERSION} FROM versions v WHERE {condition}", *arguments)  # noqa: S608 -- constants
        return to_version(row) if row else None
