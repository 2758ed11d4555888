"""The log of a view: as commands append to it, and as it is replayed."""

from collections.abc import AsyncIterator

from asyncpg import Record
from fp_postgres import Database, Transaction

from fp_featurestore.adapters.postgres import statements
from fp_featurestore.adapters.postgres.rows import VIEW, definition_json, of_view, to_view
from fp_featurestore.app.ports import LockedLog, LogPart
from fp_featurestore.domain.log import FeaturesWritten, LogEvent, ViewDefined, ViewDeleted
from fp_featurestore.domain.rows import Row, Rows
from fp_featurestore.domain.view import View

# Each may hold a thousand rows.
_EVENTS = 4
_NAMES = {ViewDefined: "VIEW_DEFINED", ViewDeleted: "VIEW_DELETED"}


class PostgresLogWriter:
    """`app.ports.LogWriter` within one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def lock(self, view_id: str) -> LockedLog:
        # Two statements: the second one's snapshot is newer than the lock, so that it sees what the lock waited for.
        await self._transaction.execute(statements.LOCK_VIEW, view_id)
        row = await self._transaction.fetchrow(
            f"""
            SELECT {VIEW}, greatest({statements.NOW}, v.recorded_at) AS now
            FROM (SELECT $1::uuid AS id) AS wanted LEFT JOIN feature_views v ON v.id = wanted.id
            """,  # noqa: S608 -- constants
            view_id,
        )
        if row is None:
            raise RuntimeError("a query of one row gave none")
        return LockedLog(to_view(row) if row["id"] else None, row["now"])

    async def defined_by(self, view_id: str) -> str:
        found = await self._transaction.fetchval(
            """
            SELECT recorded_by FROM feature_log WHERE view_id = $1 AND type <> 'FEATURES_WRITTEN'
            ORDER BY version DESC LIMIT 1
            """,
            view_id,
        )
        return str(found or "")

    async def append(self, view: View, event: LogEvent) -> None:
        await self._transaction.execute(
            """
            INSERT INTO feature_log (view_id, version, type, team, recorded_at, recorded_by, definition)
            VALUES ($1, $2, $3, $4, $5, $6, $7::text::jsonb)
            """,
            event.view_id,
            event.version,
            _NAMES[type(event)],
            event.team,
            event.at,
            event.by,
            definition_json(event.definition) if isinstance(event, ViewDefined) else None,
        )
        copy = None
        if not view.deleted:
            copy = await self._transaction.fetchval("SELECT offline_copy FROM feature_views WHERE id = $1", view.id)
            copy = copy or await self._transaction.fetchval(statements.NEW_COPY, view.id)
        await self._transaction.execute(statements.SAVE_VIEW, *of_view(view), copy)

    async def write(self, view: View, event: FeaturesWritten, rows: Rows) -> None:
        await self._transaction.execute(
            """
            INSERT INTO feature_log (view_id, version, type, team, recorded_at, recorded_by, schema_version,
                                     entity_ids, event_times, available_ats, packed)
            VALUES ($1, $2, 'FEATURES_WRITTEN', $3, $4, $5, $6, $7, $8, $9, $10)
            """,
            event.view_id,
            event.version,
            event.team,
            event.at,
            event.by,
            view.schema_version,
            rows.entity_ids,
            rows.event_times,
            rows.available_ats,
            rows.packed,
        )
        copy = await self._transaction.fetchval(
            "UPDATE feature_views SET version = $2, recorded_at = $3 WHERE id = $1 RETURNING offline_copy",
            view.id,
            view.version,
            view.recorded_at,
        )
        await self._transaction.execute(statements.PROJECT, copy, view.id, event.version, event.version)


class PostgresLog:
    """`app.ports.Log` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def rows(self, view_id: str, after: int, through: int) -> AsyncIterator[LogPart]:
        while events := await self._database.fetch(
            """
            SELECT version, schema_version, entity_ids, event_times, available_ats, packed
            FROM feature_log WHERE view_id = $1 AND version > $2 AND version <= $3 ORDER BY version LIMIT $4
            """,
            view_id,
            after,
            through,
            _EVENTS,
        ):
            last = events[-1]["version"]
            yield LogPart(after + 1, last, [row for event in events if event["entity_ids"] for row in _rows(event)])
            after = last

    async def version(self, view_id: str) -> int:
        return int(
            await self._database.fetchval(
                "SELECT coalesce(max(version), 0) FROM feature_log WHERE view_id = $1", view_id
            )
        )


def _rows(event: Record) -> list[Row]:
    columns = zip(event["entity_ids"], event["event_times"], event["available_ats"], event["packed"], strict=True)
    return [
        Row(entity_id, event_time, available_at, event["version"], ordinal, event["schema_version"], packed)
        for ordinal, (entity_id, event_time, available_at, packed) in enumerate(columns, 1)
    ]
