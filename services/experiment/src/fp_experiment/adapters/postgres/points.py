"""Reads of metric points."""

from collections.abc import Sequence

from asyncpg import Record

from fp_experiment.adapters.postgres.queries import Queries
from fp_experiment.app.ports import PointRange
from fp_experiment.domain.downsampling import buckets
from fp_experiment.domain.metrics import Point

_PAGE = """
SELECT key, step, value, recorded_at FROM metric_points
WHERE run_id = $1::uuid AND (cardinality($2::text[]) = 0 OR key = any($2::text[])) AND step BETWEEN $3 AND $4
    AND ($5::text IS NULL OR (key, step) > ($5, $6))
ORDER BY key, step LIMIT $7
"""

# As `domain.downsampling`: the ends of each series, and the extremes of equal parts between them.
_THINNED = """
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


class PostgresPoints:
    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def page(self, wanted: PointRange, after: tuple[str, int] | None, limit: int) -> Sequence[Point]:
        key, step = after or (None, None)
        return _points(await self._queries.fetch(_PAGE, *_range(wanted), key, step, limit))

    async def thinned(self, wanted: PointRange, limit: int) -> Sequence[Point]:
        return _points(await self._queries.fetch(_THINNED, *_range(wanted), limit, buckets(limit)))


def _range(wanted: PointRange) -> tuple[str, list[str], int, int]:
    return wanted.run_id, list(wanted.keys), wanted.first_step, wanted.last_step


def _points(rows: Sequence[Record]) -> list[Point]:
    return [Point(row["key"], row["value"], row["step"], row["recorded_at"]) for row in rows]
