"""The labelled rows of open windows."""

from collections.abc import Sequence

from fp_postgres import Connection

from fp_monitor.app.ports import PlacedOutcome
from fp_monitor.domain.prediction import Labelled


class PostgresOutcomes:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, window_id: str, placed: Sequence[PlacedOutcome]) -> None:
        await self._connection.execute(
            """
            INSERT INTO outcomes (window_id, place, score, label, actual, probabilities)
            SELECT $1::uuid, place, score, label, actual,
                (SELECT array_agg(value::double precision ORDER BY number)
                 FROM jsonb_array_elements_text(given.probabilities::jsonb) WITH ORDINALITY AS each (value, number))
            FROM unnest($2::integer[], $3::double precision[], $4::text[], $5::text[], $6::text[])
                AS given (place, score, label, actual, probabilities)
            """,
            window_id,
            [each.place for each in placed],
            [each.row.score for each in placed],
            [each.row.label for each in placed],
            [each.row.actual for each in placed],
            [str(list(each.row.probabilities or [])) for each in placed],
        )

    async def thin(self, window_id: str, stride: int) -> None:
        await self._connection.execute(
            "DELETE FROM outcomes WHERE window_id = $1::uuid AND place % $2 <> 0", window_id, stride
        )

    async def of_window(self, window_id: str) -> Sequence[Labelled]:
        rows = await self._connection.fetch(
            "SELECT score, label, actual, probabilities FROM outcomes WHERE window_id = $1::uuid ORDER BY place",
            window_id,
        )
        return [Labelled(row["score"], row["label"], row["actual"], row["probabilities"]) for row in rows]
