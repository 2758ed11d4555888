"""Reads of metric points."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from asyncpg import Record
from fp_postgres import Connection
from fp_postgres.partitions import Partitioned

from fp_experiment.app.ports import PointRange
from fp_experiment.domain.downsampling import buckets, thinned
from fp_experiment.domain.metrics import Point

# Two statements, because a condition that may be switched off hides the key: Postgres keeps one plan for every use of a
# statement from the sixth on, and that one would read every point of the run.
# The place in the index is a row, with the run in it: of a run like any other the planner expects a handful of points,
# and sorts them rather than look into the index of each empty month; of a range it expects many, and keeps the order.
_OF_RUN = """
SELECT key, step, value, recorded_at FROM metric_points
WHERE (run_id, key, step) > ($1::uuid, $2, $3) AND run_id <= $1::uuid AND step BETWEEN $4 AND $5
ORDER BY run_id, key, step LIMIT $6
"""
_OF_KEYS = """
SELECT key, step, value, recorded_at FROM metric_points
WHERE run_id = $1::uuid AND key = any($7::text[]) AND (key, step) > ($2, $3) AND step BETWEEN $4 AND $5
ORDER BY key, step LIMIT $6
"""
# Before every point: no key is empty.
_START = ("", -1)

_LAST = """
SELECT key, step, value, recorded_at FROM metric_points
WHERE (run_id, key, step) BETWEEN ($1::uuid, $2, $3) AND ($1::uuid, $2, $4)
ORDER BY run_id DESC, key DESC, step DESC LIMIT 1
"""
# As `domain.downsampling.thinned` of one bite of a series, with the last point of the bite, behind which the next
# begins. $4 and $5: the series lies between these steps; $6 is their distance.
_THINNED = """
WITH bite AS MATERIALIZED (
    SELECT key, step, value, recorded_at, trunc((step - $4)::float8 * $7 / $6::float8) AS part FROM metric_points
    WHERE (run_id, key, step) > ($1::uuid, $2, $3) AND (run_id, key, step) < ($1::uuid, $2, $5)
    ORDER BY run_id, key, step LIMIT $8
)
(SELECT DISTINCT ON (part) key, step, value, recorded_at FROM bite ORDER BY part, value, step)
UNION (SELECT DISTINCT ON (part) key, step, value, recorded_at FROM bite ORDER BY part, value DESC, step)
UNION (SELECT key, step, value, recorded_at FROM bite ORDER BY step DESC LIMIT 1)
ORDER BY step
"""
# A series may have ten million points: one statement for all of them would hold a connection for a minute, and its
# sorting would go to the disk. So many take some 50 ms.
_BITE = 20_000


def partitioned(retained: timedelta | None = None) -> Partitioned:
    """One month of runs a part; the run of a late point may have begun last month.

    retained: after the end of the month.
    """
    return Partitioned("metric_points", by="id", each="month", ahead=2, behind=1, retention=retained)


class PostgresPoints:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def page(self, wanted: PointRange, after: tuple[str, int] | None, limit: int) -> Sequence[Point]:
        arguments = (wanted.run_id, *(after or _START), wanted.first_step, wanted.last_step, limit)
        if wanted.keys:
            return _points(await self._connection.fetch(_OF_KEYS, *arguments, list(wanted.keys)))
        return _points(await self._connection.fetch(_OF_RUN, *arguments))

    async def downsampled(self, wanted: PointRange, limit: int) -> Sequence[Point]:
        return [point for key in sorted(set(wanted.keys)) for point in await self._downsampled(wanted, key, limit)]

    async def _downsampled(self, wanted: PointRange, key: str, limit: int) -> Sequence[Point]:
        series = replace(wanted, keys=(key,))
        short = await self.page(series, None, limit + 1)
        if len(short) <= limit:
            return short
        bounds = (wanted.run_id, key, wanted.first_step, wanted.last_step)
        first, (last,) = short[0], _points(await self._connection.fetch(_LAST, *bounds))
        found, place = [first], first.step
        while buckets(limit):
            arguments = (place, first.step, last.step, float(last.step - first.step), buckets(limit), _BITE)
            bite = _points(await self._connection.fetch(_THINNED, wanted.run_id, key, *arguments))
            if not bite:
                break
            found, place = [*found, *bite], bite[-1].step
        return thinned([*found, last], limit)


def _points(rows: Sequence[Record]) -> list[Point]:
    return [Point(row["key"], row["value"], row["step"], row["recorded_at"]) for row in rows]
