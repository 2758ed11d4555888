"""Views as they are."""

from collections.abc import Sequence

from asyncpg import Record
from fp_kernel import PageRequest
from fp_postgres import Database, Transaction

from fp_featurestore.adapters.postgres.rows import VIEW, to_view
from fp_featurestore.adapters.postgres.statements import LOCK_NAME, NOW
from fp_featurestore.app.ports import ViewRef
from fp_featurestore.domain.view import View, ViewHead

# Microseconds. A write is recorded when it begins and seen when it is committed, which takes it less than this. The
# clock is read in brackets of its own, once: a bound that may change from row to row does not narrow an index.
_RECENT = f"(SELECT {NOW}) - 60000000"
_START = "00000000-0000-0000-0000-000000000000"
_END = "ffffffff-ffff-ffff-ffff-ffffffffffff"
# Names that one page of a search looks at. Behind them it ends, with whatever it has found, and another page goes on.
_LOOKED_AT = 10_000
_NAMED = f"""
WITH looked AS MATERIALIZED (
    SELECT id, name FROM feature_views WHERE team = $1 AND id < $2 AND deleted_at IS NULL ORDER BY id DESC LIMIT $5
), found AS (
    SELECT id FROM looked WHERE strpos(lower(name), lower($3)) > 0 ORDER BY id DESC LIMIT $4
), all_looked AS (
    SELECT count(*) AS looked_at, (SELECT id FROM looked ORDER BY id LIMIT 1) AS last FROM looked
)
SELECT looked_at, last, {VIEW} FROM all_looked LEFT JOIN (found JOIN feature_views v USING (id)) ON true
ORDER BY v.id DESC
"""  # noqa: S608 -- constants


class PostgresViewNames:
    """`app.ports.ViewNames` within one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def lock(self, team: str, name: str) -> str:
        await self._transaction.execute(LOCK_NAME, team, name)
        found = await self._transaction.fetchval(
            "SELECT id FROM feature_views WHERE team = $1 AND name = $2 AND deleted_at IS NULL", team, name
        )
        return str(found or "")


class PostgresViews:
    """`app.ports.Views` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def view(self, team: str, ref: ViewRef) -> View | None:
        condition = "v.id = $2" if ref.id else "v.name = $2 AND v.deleted_at IS NULL"
        row = await self._database.fetchrow(
            f"SELECT {VIEW} FROM feature_views v WHERE v.team = $1 AND {condition}",  # noqa: S608 -- constants
            team,
            ref.id or ref.name,
        )
        return to_view(row) if row else None

    async def views(self, team: str, name: str, page: PageRequest) -> tuple[Sequence[View], str]:
        after = page.after[0] if page.after else _END
        if name:
            return await self._named(team, name, after, page.size)
        rows = await self._database.fetch(
            f"""
            SELECT {VIEW} FROM feature_views v WHERE v.team = $1 AND v.id < $2 AND v.deleted_at IS NULL
            ORDER BY v.id DESC LIMIT $3
            """,  # noqa: S608 -- a constant
            team,
            after,
            page.size + 1,
        )
        shown = [to_view(row) for row in rows[: page.size]]
        return shown, shown[-1].id if len(rows) > page.size else ""

    async def _named(self, team: str, name: str, after: str, size: int) -> tuple[Sequence[View], str]:
        rows = await self._database.fetch(_NAMED, team, after, name, size + 1, _LOOKED_AT)
        found = [to_view(row) for row in rows if row["id"] is not None]
        if len(found) > size:
            return found[:size], found[size - 1].id
        return found, str(rows[0]["last"]) if rows[0]["looked_at"] == _LOOKED_AT else ""

    async def live(self, after: str, limit: int) -> Sequence[View]:
        rows = await self._database.fetch(
            f"SELECT {VIEW} FROM feature_views v WHERE v.id > $1 AND v.deleted_at IS NULL ORDER BY v.id LIMIT $2",  # noqa: S608 -- a constant
            after or _START,
            limit,
        )
        return [to_view(row) for row in rows]

    async def heads(self, after: str, limit: int) -> Sequence[ViewHead]:
        rows = await self._database.fetch(
            """
            SELECT v.id, v.team, v.version, v.online_ttl FROM feature_views v
            WHERE v.id > $1 AND v.deleted_at IS NULL ORDER BY v.id LIMIT $2
            """,
            after or _START,
            limit,
        )
        return [_head(row) for row in rows]

    async def changed(self, limit: int) -> Sequence[ViewHead]:
        rows = await self._database.fetch(
            f"""
            SELECT v.id, v.team, v.version, v.online_ttl FROM feature_views v
            WHERE v.recorded_at > {_RECENT} AND v.deleted_at IS NULL ORDER BY v.recorded_at DESC LIMIT $1
            """,  # noqa: S608 -- constants
            limit,
        )
        return [_head(row) for row in rows]


def _head(row: Record) -> ViewHead:
    return ViewHead(str(row["id"]), row["team"], row["version"], row["online_ttl"])
