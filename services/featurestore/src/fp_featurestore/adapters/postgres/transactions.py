"""Changes in Postgres."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fp_kernel import NO_COMMAND, Command
from fp_postgres import Database
from fp_postgres import Transaction as PostgresTransaction

from fp_featurestore.adapters.events import to_event
from fp_featurestore.adapters.postgres import statements
from fp_featurestore.adapters.postgres.rows import VIEW, definition_json, of_view, to_view
from fp_featurestore.app.ports import Turn
from fp_featurestore.domain.events import DomainEvent
from fp_featurestore.domain.log import FeaturesWritten, LogEvent, ViewDefined, ViewDeleted
from fp_featurestore.domain.rows import Rows
from fp_featurestore.domain.view import View

_NAMES = {ViewDefined: "VIEW_DEFINED", ViewDeleted: "VIEW_DELETED"}


class PostgresTransactions:
    """`app.ports.Transactions` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def __call__(self, command: Command | None = None) -> AsyncIterator["FeatureTransaction"]:
        async with self._database.transaction(command) as tx:
            yield FeatureTransaction(tx, command or NO_COMMAND)


class FeatureTransaction:
    """`app.ports.Transaction`; made by `PostgresTransactions`."""

    def __init__(self, tx: PostgresTransaction, command: Command) -> None:
        self._tx = tx
        self._command = command

    async def turn(self, view_id: str) -> Turn:
        # Two statements: the second one's snapshot is newer than the lock, so that it sees what the lock waited for.
        await self._tx.execute(statements.LOCK_VIEW, view_id)
        row = await self._tx.fetchrow(
            f"""
            SELECT {VIEW}, greatest({statements.NOW}, v.recorded_at) AS now
            FROM (SELECT $1::uuid AS id) AS wanted LEFT JOIN feature_views v ON v.id = wanted.id
            """,  # noqa: S608 -- constants
            view_id,
        )
        if row is None:
            raise RuntimeError("a query of one row gave none")
        return Turn(to_view(row) if row["id"] else None, row["now"])

    async def named(self, team: str, name: str) -> str:
        await self._tx.execute(statements.LOCK_NAME, team, name)
        found = await self._tx.fetchval(
            "SELECT id FROM feature_views WHERE team = $1 AND name = $2 AND deleted_at IS NULL", team, name
        )
        return str(found or "")

    async def append(self, view: View, event: LogEvent) -> None:
        await self._tx.execute(
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
            copy = await self._tx.fetchval("SELECT offline_copy FROM feature_views WHERE id = $1", view.id)
            copy = copy or await self._tx.fetchval(statements.NEW_COPY, view.id)
        await self._tx.execute(statements.SAVE_VIEW, *of_view(view), copy)

    async def write(self, view: View, event: FeaturesWritten, rows: Rows) -> None:
        await self._tx.execute(
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
        copy = await self._tx.fetchval(
            "UPDATE feature_views SET version = $2, recorded_at = $3 WHERE id = $1 RETURNING offline_copy",
            view.id,
            view.version,
            view.recorded_at,
        )
        await self._tx.execute(statements.PROJECT, copy, view.id, event.version, event.version)

    def emit(self, event: DomainEvent) -> None:
        self._tx.outbox.add(to_event(event))

    async def complete(self, result: object) -> None:
        await self._tx.complete(self._command, result)
