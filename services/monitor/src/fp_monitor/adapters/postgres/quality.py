"""The newest block of a model's inputs, and what was found in those before."""

import json

from fp_postgres import Connection

from fp_monitor.domain.arrays import np
from fp_monitor.domain.metric import Severity
from fp_monitor.domain.quality import Block, Signs
from fp_monitor.domain.window import Period


class PostgresQuality:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def find(self, monitor_id: str) -> tuple[Block | None, Signs] | None:
        row = await self._connection.fetchrow(
            """
            SELECT opened_at, period_start, period_end, samples, counts, signs FROM quality WHERE monitor_id = $1::uuid
            """,
            monitor_id,
        )
        if row is None:
            return None
        if not row["samples"]:
            return None, _signs(row["signs"])
        counts = np.frombuffer(row["counts"], dtype="<i8").astype(np.int64)
        period = Period(row["period_start"], row["period_end"])
        return Block(row["opened_at"], period, row["samples"], counts), _signs(row["signs"])

    async def save(self, monitor_id: str, block: Block | None, signs: Signs) -> None:
        await self._connection.execute(
            """
            INSERT INTO quality (monitor_id, opened_at, period_start, period_end, samples, counts, signs)
            VALUES ($1::uuid, $2, $3, $4, $5, $6, $7::jsonb)
            ON CONFLICT (monitor_id) DO UPDATE
                SET opened_at = $2, period_start = $3, period_end = $4, samples = $5, counts = $6, signs = $7::jsonb
            """,
            monitor_id,
            block.opened_at if block else None,
            block.period.start if block else None,
            block.period.end if block else None,
            block.samples if block else 0,
            block.counts.astype("<i8").tobytes() if block else None,
            json.dumps([dict(signs.bad), {name: int(each) for name, each in signs.raised.items()}, dict(signs.good)]),
        )

    async def discard(self, monitor_id: str) -> None:
        await self._connection.execute("DELETE FROM quality WHERE monitor_id = $1::uuid", monitor_id)


def _signs(text: str) -> Signs:
    bad, raised, good = json.loads(text)
    return Signs(bad, {name: Severity(each) for name, each in raised.items()}, good)
