"""The read model asked straight from Postgres: slower than the projection and never behind."""

from typing import Any
from uuid import UUID

from asyncpg import Record
from fp_kernel import PageRequest
from fp_postgres import Database

from fp_registry.adapters.postgres.rows import MODEL, VERSION_DOCUMENT, as_json, to_model, to_version
from fp_registry.app.read_ports import Document, Documents, ModelFilter, ModelRef, Rows, VersionRef
from fp_registry.domain.stages import Stage


class PostgresReads:
    """`app.read_ports.ReadModel` on the write side's tables."""

    def __init__(self, database: Database, documents: Documents) -> None:
        self._database = database
        self._documents = documents

    async def model(self, team: str, ref: ModelRef) -> Document | None:
        condition, value = ("m.id = $2::uuid", ref.id) if ref.id else ("m.name = $2", ref.name)
        row = await self._database.fetchrow(
            f"SELECT {MODEL} FROM models m WHERE m.team = $1 AND {condition}",  # noqa: S608 -- constants
            team,
            value,
        )
        return self._documents.model(to_model(row)) if row else None

    async def version(self, team: str, ref: VersionRef) -> Document | None:
        where = _Conditions("v.team = {}", team)
        if ref.id:
            where.add("v.id = {}::uuid", ref.id)
        else:
            where.add("v.model_id = {}::uuid", ref.model_id)
            if ref.name:
                where.add("v.version = {}", ref.name)
            else:
                where.add("v.stage = {}", ref.stage)
        rows = await self._fetch(VERSION_DOCUMENT, "versions v", where, "v.ordinal", 1)
        return self._documents.version(to_version(rows[0])) if rows else None

    async def models(self, team: str, models: ModelFilter, page: PageRequest) -> Rows:
        where = _matching(team, models)
        if page.after:
            where.add("m.id < {}::uuid", page.after[0])
        rows = await self._fetch(MODEL, "models m", where, "m.id", page.size + 1)
        shown = rows[: page.size]
        after = str(shown[-1]["id"]) if len(rows) > page.size else ""
        return Rows(tuple(self._documents.model(to_model(row)) for row in shown), after)

    async def count(self, team: str, models: ModelFilter) -> int:
        where = _matching(team, models)
        # Below every id: with it the index that ends in the id serves, not any that begins with the team.
        where.add("m.id > {}::uuid", UUID(int=0))
        found: int = await self._database.fetchval(
            f"SELECT count(*) FROM models m WHERE {where.text}",  # noqa: S608 -- constants
            *where.values,
        )
        return found

    async def versions(self, team: str, model_id: str, stage: Stage | None, page: PageRequest) -> Rows | None:
        where = _Conditions("v.team = {}", team)
        where.add("v.model_id = {}::uuid", model_id)
        if stage:
            where.add("v.stage = {}", stage)
        if page.after:
            where.add("v.ordinal < {}", int(page.after[0]))
        rows = await self._fetch(VERSION_DOCUMENT, "versions v", where, "v.ordinal", page.size + 1)
        if not rows and await self.model(team, ModelRef(id=model_id)) is None:
            return None
        shown = rows[: page.size]
        after = str(shown[-1]["ordinal"]) if len(rows) > page.size else ""
        return Rows(tuple(self._documents.version(to_version(row)) for row in shown), after)

    async def _fetch(self, columns: str, table: str, where: "_Conditions", newest: str, limit: int) -> list[Record]:
        return await self._database.fetch(
            f"SELECT {columns} FROM {table} WHERE {where.text} ORDER BY {newest} DESC LIMIT {limit:d}",  # noqa: S608 -- constants
            *where.values,
        )


def _matching(team: str, models: ModelFilter) -> "_Conditions":
    where = _Conditions("m.team = {}", team)
    if models.framework:
        where.add("m.framework = {}", models.framework)
    if models.task_type:
        where.add("m.task_type = {}", models.task_type)
    if models.tag:
        where.add("m.tags @> {}::text::jsonb", as_json(dict([models.tag])))
    if not models.archived:
        where.add("m.archived_at IS NULL")
    return where


class _Conditions:
    """Conditions joined by AND, each with at most one parameter in the place of `{}`.

    Only those that are asked for: one statement with `$2 = '' OR ...` would get a plan that uses no index.
    """

    def __init__(self, condition: str, value: Any) -> None:
        self.values: list[Any] = []
        self._texts: list[str] = []
        self.add(condition, value)

    def add(self, condition: str, *value: Any) -> None:
        self.values.extend(value)
        self._texts.append(condition.format(f"${len(self.values)}"))

    @property
    def text(self) -> str:
        return " AND ".join(self._texts)
