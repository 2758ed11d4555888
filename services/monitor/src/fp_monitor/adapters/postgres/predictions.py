"""Predictions and their labels."""

from collections.abc import Sequence
from datetime import datetime

from fp_monitor.adapters.postgres.queries import Queries
from fp_monitor.app.ports import Known, Placed
from fp_monitor.domain.monitor import Monitor
from fp_monitor.domain.prediction import Labelled, Prediction


class PostgresPredictions:
    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def add(self, monitor: Monitor, predictions: Sequence[Prediction], classes: Sequence[str]) -> set[str]:
        rows = await self._queries.fetch(
            """
            INSERT INTO predictions (team, model_name, request_id, version, predicted_at, score, label, probabilities)
            SELECT $1, $2, request_id, version, predicted_at, score, label,
                (SELECT array_agg(value::double precision ORDER BY place)
                 FROM jsonb_array_elements_text(given.probabilities::jsonb) WITH ORDINALITY AS each (value, place))
            FROM unnest($3::text[], $4::text[], $5::timestamptz[], $6::double precision[], $7::text[], $8::text[])
                AS given (request_id, version, predicted_at, score, label, probabilities)
            ON CONFLICT DO NOTHING
            RETURNING request_id
            """,
            monitor.team,
            monitor.config.model_name,
            [each.request_id for each in predictions],
            [each.version for each in predictions],
            [each.at for each in predictions],
            [each.score for each in predictions],
            [each.label for each in predictions],
            # An array of arrays must be rectangular; predictions of two versions need not be.
            [str(each.probabilities(classes) or []) for each in predictions],
        )
        return {row["request_id"] for row in rows}

    async def known(self, monitor: Monitor, request_ids: Sequence[str]) -> dict[str, Known]:
        rows = await self._queries.fetch(
            """
            SELECT request_id, version, actual IS NOT NULL AS labelled FROM predictions
            WHERE team = $1 AND model_name = $2 AND request_id = ANY($3::text[])
            """,
            monitor.team,
            monitor.config.model_name,
            list(request_ids),
        )
        return {row["request_id"]: Known(row["version"], row["labelled"]) for row in rows}

    async def label(self, monitor: Monitor, placed: Sequence[Placed], at: datetime) -> None:
        if not placed:
            return
        await self._queries.execute(
            """
            UPDATE predictions p SET actual = given.actual, observed_at = given.observed_at, labelled_at = $7,
                window_id = nullif(given.window_id, '')::uuid, place = given.place
            FROM unnest($3::text[], $4::text[], $5::timestamptz[], $6::text[], $8::integer[])
                AS given (request_id, actual, observed_at, window_id, place)
            WHERE p.team = $1 AND p.model_name = $2 AND p.request_id = given.request_id
            """,
            monitor.team,
            monitor.config.model_name,
            [each.truth.request_id for each in placed],
            [each.truth.actual for each in placed],
            [each.truth.observed_at for each in placed],
            [each.window_id for each in placed],
            at,
            [each.place for each in placed],
        )

    async def of_window(self, window_id: str) -> Sequence[Labelled]:
        rows = await self._queries.fetch(
            """
            SELECT score, label, actual, probabilities FROM predictions WHERE window_id = $1::uuid ORDER BY place
            """,
            window_id,
        )
        return [Labelled(row["score"], row["label"], row["actual"], row["probabilities"]) for row in rows]
