"""Open windows. Their counts are one value: read, added to and written under the model's lock."""

from collections.abc import Collection, Sequence

from asyncpg import Record
from fp_postgres import Connection

from fp_monitor.domain.arrays import np
from fp_monitor.domain.counts import Counts
from fp_monitor.domain.metric import DriftKind
from fp_monitor.domain.window import Period, Window

_SELECT = """
    SELECT id::text, monitor_id::text, kind, opened_at, closes_at, samples, period_start, period_end, block_length,
        cells, counts, version
    FROM windows
"""


class PostgresWindows:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def open(self, monitor_id: str, kind: DriftKind, version: str) -> Window | None:
        row = await self._connection.fetchrow(
            f"""
            {_SELECT} WHERE monitor_id = $1::uuid AND kind = $2 AND version IN ($3, '') ORDER BY version DESC LIMIT 1
            """,
            monitor_id,
            kind,
            version,
        )
        return _window(row) if row else None

    async def of_labels(self, monitor_id: str) -> Sequence[Window]:
        rows = await self._connection.fetch(
            f"{_SELECT} WHERE monitor_id = $1::uuid AND kind = 'PERFORMANCE'", monitor_id
        )
        return [_window(row) for row in rows]

    async def find(self, window_id: str) -> Window | None:
        row = await self._connection.fetchrow(f"{_SELECT} WHERE id = $1::uuid", window_id)
        return _window(row) if row else None

    async def save(self, window: Window) -> None:
        counts = window.counts
        await self._connection.execute(
            """
            INSERT INTO windows (id, monitor_id, kind, opened_at, closes_at, samples, period_start, period_end,
                block_length, cells, counts, version)
            VALUES ($1::uuid, $2::uuid, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
            ON CONFLICT (id) DO UPDATE SET closes_at = $5, samples = $6, period_start = $7, period_end = $8,
                block_length = $9, counts = $11
            """,
            window.id,
            window.monitor_id,
            window.kind,
            window.opened_at,
            window.closes_at,
            window.samples,
            window.period.start,
            window.period.end,
            counts.length if counts else None,
            counts.blocks.shape[1] if counts else None,
            counts.blocks.astype("<i8").tobytes() if counts else None,
            window.version,
        )

    async def remove(self, window_id: str) -> None:
        await self._connection.execute("DELETE FROM windows WHERE id = $1::uuid", window_id)

    async def discard(self, monitor_id: str, kinds: Collection[DriftKind]) -> None:
        await self._connection.execute(
            "DELETE FROM windows WHERE monitor_id = $1::uuid AND kind = ANY($2::text[])", monitor_id, list(kinds)
        )


def _window(row: Record) -> Window:
    counts = None
    if row["counts"] is not None:
        blocks = np.frombuffer(row["counts"], dtype="<i8").astype(np.int64).reshape(-1, row["cells"])
        counts = Counts(row["block_length"], blocks)
    return Window(
        id=row["id"],
        monitor_id=row["monitor_id"],
        kind=DriftKind(row["kind"]),
        opened_at=row["opened_at"],
        closes_at=row["closes_at"],
        samples=row["samples"],
        period=Period(row["period_start"], row["period_end"]),
        counts=counts,
        version=row["version"],
    )
