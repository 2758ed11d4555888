"""Reads of the write side that must not be stale."""

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime

from asyncpg import Record
from forgepoint.common.v1.model_pb2 import Signature
from fp_kernel import PageRequest
from fp_kernel.ensembles import Ensemble
from fp_kernel.signatures import UNDECLARED
from fp_postgres import Database
from fp_rpc.signatures import signature_from_pb, signature_to_pb

from fp_registry.adapters.postgres.rows import VERSION_FACTS, VERSION_WITH_SIGNATURE, to_tenure, to_version
from fp_registry.app.read_ports import EnsembleFilter, EnsembleUse, VersionRef
from fp_registry.domain.ensemble import Candidate, compose
from fp_registry.domain.promotion import Tenure
from fp_registry.domain.stages import Stage
from fp_registry.domain.version import Made, Version

_FAR = 2**62
_LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff"


class PostgresRecords:
    """`app.ports.Records` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def version(self, team: str, version_id: str) -> Version | None:
        row = await self._database.fetchrow(
            f"SELECT {VERSION_FACTS} FROM versions v WHERE v.team = $1 AND v.id = $2",  # noqa: S608 -- a constant
            team,
            version_id,
        )
        return to_version(row) if row else None

    async def framework(self, team: str, model_id: str) -> str:
        found: str | None = await self._database.fetchval(
            "SELECT framework FROM models WHERE team = $1 AND id = $2", team, model_id
        )
        return found or ""

    async def made(self, version: Version, ensemble: Ensemble) -> Made:
        rows = await self._database.fetch(
            f"""
            SELECT {VERSION_WITH_SIGNATURE}, m.name AS model_name, m.framework, m.archived_at IS NOT NULL AS archived
            FROM versions v JOIN models m ON m.team = v.team AND m.id = v.model_id
            WHERE v.team = $1 AND v.id = ANY($2::uuid[])
            """,  # noqa: S608 -- a constant
            version.team,
            [version.id, *(step.version_id for step in ensemble.steps)],
        )
        found = {str(row["id"]): _candidate(row) for row in rows}
        declared = found[version.id].signature if version.id in found else UNDECLARED
        composition = await asyncio.to_thread(compose, ensemble, found, declared)
        if composition.signature is declared:
            # As its maker sent it.
            return Made(composition.members, found[version.id].version.described.signature)
        return Made(composition.members, signature_to_pb(composition.signature).SerializeToString())

    async def ensembles(
        self, team: str, wanted: EnsembleFilter, page: PageRequest
    ) -> tuple[Sequence[EnsembleUse], str]:
        name, value = ("version_id", wanted.version_id) if wanted.version_id else ("model_id", wanted.model_id)
        rows = await self._database.fetch(
            """
            SELECT v.id, v.model_id, m.name, v.version, v.stage, m.archived_at IS NOT NULL AS archived,
                   v.members::text AS members
            FROM versions v JOIN models m ON m.team = v.team AND m.id = v.model_id
            WHERE v.members <> '[]' AND v.members @> jsonb_build_array(jsonb_build_object($2::text, $3::text))
                AND v.team = $1 AND v.id < $4::uuid AND ($5 OR (v.stage <> 'ARCHIVED' AND m.archived_at IS NULL))
            ORDER BY v.id DESC LIMIT $6
            """,
            team,
            name,
            value,
            page.after[0] if page.after else _LAST_ID,
            wanted.archived,
            page.size + 1,
        )
        shown = rows[: page.size]
        return [_use(row, name, value) for row in shown], str(shown[-1]["id"]) if len(rows) > page.size else ""

    async def wait_for_changes(self, team: str, ref: VersionRef) -> None:
        # Commands hold the model's row from their first look to their commit.
        if ref.id:
            await self._database.execute(
                """
                SELECT FROM models WHERE team = $1 AND id = (SELECT model_id FROM versions WHERE team = $1 AND id = $2)
                FOR SHARE
                """,
                team,
                ref.id,
            )
        else:
            await self._database.execute("SELECT FROM models WHERE team = $1 AND id = $2 FOR SHARE", team, ref.model_id)

    async def baseline(self, team: str, version_id: str) -> bytes:
        found: bytes | None = await self._database.fetchval(
            "SELECT baseline_profile FROM versions WHERE team = $1 AND id = $2", team, version_id
        )
        return found or b""

    async def revision(self, team: str, model_id: str) -> int:
        found = await self._database.fetchval("SELECT revision FROM models WHERE team = $1 AND id = $2", team, model_id)
        return int(found or 0)

    async def waiting_since_before(self, moment: datetime, limit: int) -> Sequence[tuple[str, str]]:
        rows = await self._database.fetch(
            """
            SELECT v.team, v.id FROM versions v
            WHERE v.status = 'PENDING_UPLOAD' AND v.stage <> 'ARCHIVED' AND v.created_at < $1
                AND NOT EXISTS (SELECT FROM verifications f WHERE f.version_id = v.id)
            ORDER BY v.created_at LIMIT $2
            """,
            moment,
            limit,
        )
        return [(row["team"], str(row["id"])) for row in rows]

    async def tenures(self, team: str, model_id: str, page: PageRequest) -> tuple[Sequence[Tenure], str] | None:
        if not await self._model_is_there(team, model_id):
            return None
        rows = await self._database.fetch(
            """
            SELECT number, version_id, version, started_at, ended_at, promoted_by
            FROM production_tenures
            WHERE team = $1 AND model_id = $2 AND number < $3
            ORDER BY number DESC LIMIT $4
            """,
            team,
            model_id,
            int(page.after[0]) if page.after else _FAR,
            page.size + 1,
        )
        shown = rows[: page.size]
        return [to_tenure(row) for row in shown], str(shown[-1]["number"]) if len(rows) > page.size else ""

    async def tenure_at(self, team: str, model_id: str, moment: datetime) -> Sequence[Tenure] | None:
        if not await self._model_is_there(team, model_id):
            return None
        rows = await self._database.fetch(
            """
            SELECT version_id, version, started_at, ended_at, promoted_by
            FROM production_tenures
            WHERE team = $1 AND model_id = $2 AND started_at <= $3 AND (ended_at IS NULL OR ended_at > $3)
            """,
            team,
            model_id,
            moment,
        )
        return [to_tenure(row) for row in rows]

    async def _model_is_there(self, team: str, model_id: str) -> bool:
        return bool(
            await self._database.fetchval(
                "SELECT EXISTS (SELECT FROM models WHERE team = $1 AND id = $2)", team, model_id
            )
        )


def _candidate(row: Record) -> Candidate:
    signature = signature_from_pb(Signature.FromString(row["signature"]))
    return Candidate(to_version(row), row["model_name"], row["framework"], row["archived"], signature)


def _use(row: Record, name: str, value: str) -> EnsembleUse:
    steps = (member["step"] for member in json.loads(row["members"]) if member[name] == value)
    return EnsembleUse(
        model_id=str(row["model_id"]),
        model=row["name"],
        version_id=str(row["id"]),
        version=row["version"],
        stage=Stage(row["stage"]),
        model_archived=row["archived"],
        steps=tuple(steps),
    )
