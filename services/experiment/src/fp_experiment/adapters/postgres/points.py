"""Reads of metric points."""

from collections.abc import Sequence
from datetime import timedelta

from asyncpg import Record
from fp_postgres.partitions import Partitioned

from fp_experiment.adapters.postgres.connection import Connection
from fp_experiment.app.ports import PointRange
from fp_experiment.domain.downsampling import buckets
from fp_experiment.domain.metrics import Point

# Two statements, because a condition that may be switched off hides the key: Postgres keeps one plan for every use of a
# statement from the sixth on, and that one would read every point of the run.
_OF_RUN = """
SELECT key, step, value, recorded_at FROM metric_points
WHERE run_id = $1::uuid AND (key, step) > ($2, $3) AND step BETWEEN $4 AND $5
ORDER BY key, step LIMIT $6
"""
_OF_KEYS = """
SELECT key, step, value, recorded_at FROM metric_points
WHERE run_id = $1::uuid AND key = any($7::text[]) AND (key, step) > ($2, $3) AND step BETWEEN $4 AND $5
ORDER BY key, step LIMIT $6
"""
# Before every point: no key is empty.
_START = ("", -1)

# As `domain.downsampling`: the ends of each series, and the extremes of equal parts between them.
_DOWNSAMPLED = """
WITH numbered AS (
    SELECT key, step, value, recorded_at,
        row_number() OVER (PARTITION BY key ORDER BY step) - 1 AS n, count(*) OVER (PARTITION BY key) AS total
    FROM metric_points WHERE run_id = $1::uuid AND key = any($2::text[]) AND step BETWEEN $3 AND $4
), cut AS (
    SELECT *, n * $6::bigint / total AS part FROM numbered
    WHERE total > $5 AND n > 0 AND n < total - 1 AND $6::bigint > 0
), kept AS (
    SELECT key, step, value, recorded_at FROM numbered WHERE total <= $5 OR n = 0 OR n = total - 1
    UNION (SELECT DISTINCT ON (key, part) key, step, value, recorded_at FROM cut ORDER BY key, part, value, step)
    UNION (SELECT DISTINCT ON (key, part) key, step, value, recorded_at FROM cut ORDER BY key, part, value DESC, step)
)
SELECT key, step, value, recorded_at FROM kept ORDER BY key, step
"""


def partitioned(keep: timedelta | None = None) -> Partitioned:
    """One month of runs a part. The run of a late point may have begun last month. keep: after the end of the month."""
    return Partitioned("metric_points", by="id", each="month", ahead=2, behind=1, keep=keep)


class PostgresPoints:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def page(self, wanted: PointRange, after: tuple[str, int] | None, limit: int) -> Sequence[Point]:
        arguments = (wanted.run_id, *(after or _START), wanted.first_step, wanted.last_step, limit)
        if wanted.keys:
            return _points(await self._connection.fetch(_OF_KEYS, *arguments, list(wanted.keys)))
        return _points(await self._connection.fetch(_OF_RUN, *arguments))

    async def downsampled(self, wanted: PointRange, limit: int) -> Sequence[Point]:
        arguments = (wanted.run_id, list(wanted.keys), wanted.first_step, wanted.last_step, limit, buckets(limit))
        return _points(await self._connection.fetch(_DOWNSAMPLED, *arguments))


def _points(rows: Sequence[Record]) -> list[Point]:
    return [Point(row["key"], row["value"], row["step"], row["recorded_at"]) for row in rows]
