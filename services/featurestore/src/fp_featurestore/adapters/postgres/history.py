"""History that is past its retention, taken from the offline view and from the log together."""

from collections.abc import Sequence

from asyncpg import Record
from fp_postgres import Database

from fp_featurestore.app.ports import Retained, Spine
from fp_featurestore.domain.instants import FIRST, Instant

# Entities at a time that are looked at in one transaction.
_BITE = 2_000
# Events of a deleted view, each of up to a thousand rows.
_EVENTS = 20
_RETAINED = """
    SELECT id, retention, horizon, horizon_version, offline_copy, deleted_at FROM feature_views
    WHERE retention > 0 AND id > $1 ORDER BY id LIMIT $2
"""
_PLACES = """
    SELECT DISTINCT event_time, entity_id FROM feature_values
    WHERE copy = $1 AND (event_time, entity_id) > ($2, $3) AND event_time < $4
    ORDER BY event_time, entity_id LIMIT $5
"""
# A row goes when another one of its entity wins against it for every reader that is still answered: newer in the order
# of the views, true and known before the horizon, and in the log by then.
_TRIM_VALUES = """
    DELETE FROM feature_values f
    USING unnest($2::bigint[], $3::text[]) AS place (event_time, entity_id)
    WHERE f.copy = $1 AND f.entity_id = place.entity_id AND f.event_time = place.event_time
      AND EXISTS (
          SELECT FROM feature_values n
          WHERE n.copy = $1 AND n.entity_id = f.entity_id AND n.event_time >= f.event_time AND n.event_time < $4
            AND (n.event_time, n.version, n.ordinal) > (f.event_time, f.version, f.ordinal)
            AND n.available_at < $4 AND n.version <= $5
      )
    RETURNING f.version
"""
# The same of the events that wrote those rows, row by row. What loses against a row of its own write stays, since
# places in a write move up here; it loses again in a view that is made anew.
_LIVE = """
    SELECT l.version, cardinality(l.entity_ids) AS before, live.*
    FROM feature_log l
    LEFT JOIN LATERAL (
        SELECT array_agg(r.entity_id ORDER BY r.place) AS entity_ids,
               array_agg(r.event_time ORDER BY r.place) AS event_times,
               array_agg(r.available_at ORDER BY r.place) AS available_ats,
               array_agg(r.packed ORDER BY r.place) AS packed
        FROM unnest(l.entity_ids, l.event_times, l.available_ats, l.packed)
            WITH ORDINALITY AS r (entity_id, event_time, available_at, packed, place)
        WHERE NOT EXISTS (
            SELECT FROM feature_values n
            WHERE n.copy = $1 AND n.entity_id = r.entity_id AND n.event_time >= r.event_time AND n.event_time < $4
              AND (n.event_time, n.version) > (r.event_time, l.version)
              AND n.available_at < $4 AND n.version <= $5
        )
    ) AS live ON true
    WHERE l.view_id = $2 AND l.version = ANY ($3::bigint[]) AND l.type = 'FEATURES_WRITTEN'
"""
_REWRITE = """
    UPDATE feature_log SET entity_ids = $3, event_times = $4, available_ats = $5, packed = $6
    WHERE view_id = $1 AND version = $2
"""
_DELETE_EVENTS = "DELETE FROM feature_log WHERE view_id = $1 AND version = ANY ($2::bigint[])"
_WRITES = """
    SELECT version FROM feature_log WHERE view_id = $1 AND type = 'FEATURES_WRITTEN' ORDER BY version LIMIT $2
"""
# Times of records never go back, so that only what was recorded since the last horizon is looked at.
_FIRST_BEHIND = """
    SELECT version FROM feature_log WHERE view_id = $1 AND version > $2 AND recorded_at >= $3 ORDER BY version LIMIT 1
"""
_ADVANCE = """
    UPDATE feature_views SET horizon = $2, horizon_version = coalesce($3, version)
    WHERE id = $1 AND (horizon IS NULL OR horizon < $2)
"""
_TRIMS = "SET LOCAL fp_featurestore.trims = 'on'"


class PostgresHistory:
    """`app.ports.History` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def retained(self, after: str, limit: int) -> Sequence[Retained]:
        rows = await self._database.fetch(_RETAINED, after or "00000000-0000-0000-0000-000000000000", limit)
        return [
            Retained(
                view_id=str(row["id"]),
                retention=row["retention"],
                horizon=row["horizon"],
                horizon_version=row["horizon_version"],
                copy=row["offline_copy"],
                deleted_at=row["deleted_at"],
            )
            for row in rows
        ]

    async def trim(self, view: Retained, after: Spine | None) -> Spine | None:
        horizon, after = view.horizon, after or Spine(FIRST - 1, "")
        if view.copy is None or horizon is None:
            return None
        async with self._database.transaction() as tx:
            # The last event says which version the log has: it stays whole, and so do those that come meanwhile.
            last_event = await tx.fetchval("SELECT version FROM feature_views WHERE id = $1", view.view_id)
            places = await tx.fetch(_PLACES, view.copy, after.event_time, after.entity_id, horizon, _BITE)
            if not places:
                return None
            gone = await tx.fetch(
                _TRIM_VALUES,
                view.copy,
                [place["event_time"] for place in places],
                [place["entity_id"] for place in places],
                horizon,
                view.horizon_version,
            )
            versions = sorted({row["version"] for row in gone if row["version"] < last_event})
            if versions:
                await tx.execute(_TRIMS)
                live = await tx.fetch(_LIVE, view.copy, view.view_id, versions, horizon, view.horizon_version)
                await tx.execute(_DELETE_EVENTS, view.view_id, [row["version"] for row in live if not row["packed"]])
                for row in live:
                    if row["packed"] and len(row["packed"]) < row["before"]:
                        await tx.execute(_REWRITE, view.view_id, row["version"], *_columns(row))
        last = places[-1]
        return Spine(last["event_time"], last["entity_id"])

    async def forget_writes(self, view: Retained) -> bool:
        async with self._database.transaction() as tx:
            await tx.execute(_TRIMS)
            versions = [row["version"] for row in await tx.fetch(_WRITES, view.view_id, _EVENTS)]
            await tx.execute(_DELETE_EVENTS, view.view_id, versions)
        return bool(versions)

    async def advance(self, view: Retained, horizon: Instant) -> None:
        async with self._database.transaction() as tx:
            behind = await tx.fetchval(_FIRST_BEHIND, view.view_id, view.horizon_version, horizon)
            await tx.execute(_ADVANCE, view.view_id, horizon, None if behind is None else behind - 1)


def _columns(row: Record) -> tuple[object, ...]:
    return row["entity_ids"], row["event_times"], row["available_ats"], row["packed"]
