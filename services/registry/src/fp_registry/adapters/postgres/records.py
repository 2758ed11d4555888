"""Reads of the write side that must not be stale."""

from collections.abc import Sequence
from datetime import datetime

from fp_kernel import PageRequest
from fp_postgres import Database

from fp_registry.adapters.postgres.rows import VERSION_FACTS, to_tenure, to_version
from fp_registry.app.read_ports import VersionRef
from fp_registry.domain.promotion import Tenure
from fp_registry.domain.version import Version

_FAR = 2**62


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
