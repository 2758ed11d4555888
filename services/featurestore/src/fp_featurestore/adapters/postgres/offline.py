"""The offline view."""

from collections.abc import Mapping, Sequence

from fp_postgres import Database

from fp_featurestore.adapters.postgres import statements
from fp_featurestore.adapters.postgres.rows import to_row
from fp_featurestore.app.ports import AsOfQuery, Fence, Spine
from fp_featurestore.app.refusals import no_view
from fp_featurestore.domain.instants import FIRST, Instant
from fp_featurestore.domain.rows import Row

# A row that is too old is left out at the end: a condition inside makes a narrow range of times look better than the
# entity, and the other index be read.
# Which copy is read is settled by the statement itself: a rebuild that switches meanwhile is seen by the next one.
_AS_OF = """
    SELECT asked.place, f.*
    FROM feature_views v
    CROSS JOIN unnest($2::text[], $3::bigint[], $4::bigint[], $6::bigint[])
        WITH ORDINALITY AS asked (entity_id, as_of, known_as_of, not_before, place)
    CROSS JOIN LATERAL (
        SELECT f.entity_id, f.event_time, f.available_at, f.version, f.ordinal, f.schema_version, f.packed
        FROM feature_values f
        WHERE f.copy = v.offline_copy AND f.entity_id = asked.entity_id AND f.event_time <= asked.as_of
          AND f.available_at <= asked.known_as_of AND f.version <= $5
        ORDER BY f.event_time DESC, f.version DESC, f.ordinal DESC
        LIMIT 1
    ) AS f
    WHERE v.id = $1 AND f.event_time >= asked.not_before
"""
# The copy stands alone in its brackets: a join in its place hides the order of the index, and each chunk would read and
# sort the whole rest of the window.
_WINDOW = """
    SELECT DISTINCT f.event_time, f.entity_id
    FROM feature_values f
    WHERE f.copy = (SELECT v.offline_copy FROM feature_views v WHERE v.id = $1)
      AND (f.event_time, f.entity_id) > ($2, $3) AND f.event_time < $4
      AND f.available_at <= $5 AND f.version <= $6
    ORDER BY f.event_time, f.entity_id
    LIMIT $7
"""


class PostgresOffline:
    """`app.ports.Offline` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def fence(self, view_id: str) -> Fence:
        async with self._database.transaction() as tx:
            await tx.execute(statements.SHARE_VIEW, view_id)
            row = await tx.fetchrow(
                f"SELECT version, {statements.NOW} AS now, horizon, horizon_version FROM feature_views WHERE id = $1",  # noqa: S608 -- constants
                view_id,
            )
        if row is None:
            raise no_view()
        horizon = FIRST if row["horizon"] is None else row["horizon"]
        return Fence(row["version"], row["now"], horizon, row["horizon_version"])

    async def as_of(self, view_id: str, asks: Sequence[AsOfQuery], through: int) -> Mapping[int, Row]:
        rows = await self._database.fetch(
            _AS_OF,
            view_id,
            [ask.entity_id for ask in asks],
            [ask.as_of for ask in asks],
            [ask.known_as_of for ask in asks],
            through,
            [ask.not_before for ask in asks],
        )
        return {row["place"] - 1: to_row(row) for row in rows}

    async def window(
        self, view_id: str, after: Spine, end: Instant, *, known_as_of: Instant, through: int, limit: int
    ) -> Sequence[Spine]:
        rows = await self._database.fetch(
            _WINDOW, view_id, after.event_time, after.entity_id, end, known_as_of, through, limit
        )
        return [Spine(row["event_time"], row["entity_id"]) for row in rows]
