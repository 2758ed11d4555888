"""Copies of the offline view, as a rebuild makes them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fp_postgres import Database
from fp_postgres import Transaction as PostgresTransaction

from fp_featurestore.adapters.postgres import statements
from fp_featurestore.adapters.postgres.rows import of_view, to_change
from fp_featurestore.domain.log import remade

# Rows that one statement deletes: writers wait for none of them, but a transaction must stay short.
_SWEEP = 20_000
# Goes on behind the last row: what was deleted before stays in the index until it is vacuumed, and would be read again
# from the start each time.
_DELETE_ROWS = """
    WITH bite AS MATERIALIZED (
        SELECT ctid, entity_id, event_time, version, ordinal FROM feature_values
        WHERE copy = $1 AND (entity_id, event_time, version, ordinal) > ($2, $3, $4, $5)
        ORDER BY entity_id, event_time, version, ordinal LIMIT $6
    ), deleted AS (
        DELETE FROM feature_values WHERE ctid = ANY (ARRAY(SELECT ctid FROM bite))
    )
    SELECT entity_id, event_time, version, ordinal FROM bite
    ORDER BY entity_id DESC, event_time DESC, version DESC, ordinal DESC LIMIT 1
"""
_BEFORE_EVERY_ROW = ("", 0, 0, 0)


class PostgresCopies:
    """`app.ports.Copies` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def stale(self, after: int, limit: int) -> tuple[Sequence[str], int | None]:
        rows = await self._database.fetch(
            """
            SELECT c.copy, c.view_id, v.offline_copy IS NOT NULL AS is_read
            FROM (SELECT copy, view_id FROM offline_copies WHERE copy > $1 ORDER BY copy LIMIT $2) c
            -- The limit has each copy looked up by itself; else all views are read for a page of copies.
            LEFT JOIN LATERAL (SELECT offline_copy FROM feature_views WHERE offline_copy = c.copy LIMIT 1) v ON TRUE
            ORDER BY c.copy
            """,
            after,
            limit,
        )
        views = {str(row["view_id"]) for row in rows if not row["is_read"]}
        return sorted(views), rows[-1]["copy"] if rows else None

    async def sweep(self, view_id: str) -> None:
        rows = await self._database.fetch(
            """
            SELECT c.copy FROM offline_copies c
            WHERE c.view_id = $1 AND NOT EXISTS (SELECT FROM feature_views v WHERE v.offline_copy = c.copy)
            """,
            view_id,
        )
        for row in rows:
            await self._delete(row["copy"])

    async def begin(self, view_id: str) -> int:
        copy: int = await self._database.fetchval(statements.NEW_COPY, view_id)
        return copy

    async def fill(self, copy: int, view_id: str, first: int, last: int) -> None:
        await self._database.execute(statements.PROJECT, copy, view_id, first, last)

    async def switch(self, copy: int, view_id: str, after: int) -> int:
        async with self._database.transaction() as tx:
            await tx.execute(statements.LOCK_VIEW, view_id)
            last = await tx.fetchrow(
                "SELECT version, recorded_at FROM feature_log WHERE view_id = $1 ORDER BY version DESC LIMIT 1", view_id
            )
            if last is None:
                raise RuntimeError("a view has no log")
            version: int = last["version"]
            await tx.execute(statements.PROJECT, copy, view_id, after + 1, version)
            await self._restore(tx, copy, view_id, version, last["recorded_at"])
        return version

    async def _restore(self, tx: PostgresTransaction, copy: int, view_id: str, version: int, at: int) -> None:
        changes = await tx.fetch(
            """
            SELECT view_id, version, type, team, recorded_at, recorded_by, definition::text AS definition
            FROM feature_log WHERE view_id = $1 AND type <> 'FEATURES_WRITTEN' ORDER BY version
            """,
            view_id,
        )
        view = remade(map(to_change, changes), version=version, at=at)
        if view is not None:
            await tx.execute(statements.SAVE_VIEW, *of_view(view), None if view.deleted else copy)

    async def _delete(self, copy: int) -> None:
        last: Any = _BEFORE_EVERY_ROW
        while last is not None:
            last = await self._database.fetchrow(_DELETE_ROWS, copy, *last, _SWEEP)
        await self._database.execute("DELETE FROM offline_copies WHERE copy = $1", copy)


class PostgresClaims:
    """`app.ports.Claims` by session locks, which end with the process that holds them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def __call__(self, view_id: str) -> AsyncIterator[bool]:
        async with self._database.dedicated(name="rebuild") as connection:
            yield bool(await connection.fetchval(statements.CLAIM_REBUILD, view_id))
