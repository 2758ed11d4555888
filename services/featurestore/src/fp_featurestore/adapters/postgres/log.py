"""The log as it is replayed."""

from collections.abc import AsyncIterator

from asyncpg import Record
from fp_postgres import Database

from fp_featurestore.app.ports import Replayed
from fp_featurestore.domain.rows import Row

# Each may hold a thousand rows.
_EVENTS = 4


class PostgresLog:
    """`app.ports.Log` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def rows(self, view_id: str, after: int, through: int) -> AsyncIterator[Replayed]:
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
            yield Replayed(after + 1, last, [row for event in events if event["entity_ids"] for row in _rows(event)])
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
