"""Predictions that wait for their labels, divided by the day of their request id."""

from collections.abc import Sequence
from datetime import datetime

from fp_postgres import Connection

from fp_monitor.app.ports import StoredPrediction
from fp_monitor.domain.monitor import Monitor
from fp_monitor.domain.prediction import Prediction, Truth

_ROW = (
    "team, model_name, request_id, version, predicted_at, score, label, probabilities, actual, observed_at, labelled_at"
)


class PostgresPredictions:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, monitor: Monitor, predictions: Sequence[Prediction], classes: Sequence[str]) -> set[str]:
        rows = await self._connection.fetch(
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

    async def known(self, monitor: Monitor, request_ids: Sequence[str]) -> dict[str, StoredPrediction]:
        found = await self._known(monitor, request_ids)
        missing = [each for each in request_ids if each not in found]
        if missing and await self._taken_over(monitor, missing):
            found |= await self._known(monitor, missing)
        return found

    async def _known(self, monitor: Monitor, request_ids: Sequence[str]) -> dict[str, StoredPrediction]:
        # Id by id: a part of the table is looked at for the ids of its day only.
        rows = await self._connection.fetch(
            """
            SELECT p.request_id, p.version, p.score, p.label, p.probabilities, p.actual IS NOT NULL AS labelled
            FROM unnest($3::text[]) AS given (request_id)
            CROSS JOIN LATERAL (
                SELECT * FROM predictions
                WHERE team = $1 AND model_name = $2 AND request_id = given.request_id LIMIT 1
            ) p
            """,
            monitor.team,
            monitor.config.model_name,
            list(request_ids),
        )
        return {
            row["request_id"]: StoredPrediction(
                row["version"], row["score"], row["label"], row["probabilities"], labelled=row["labelled"]
            )
            for row in rows
        }

    async def _taken_over(self, monitor: Monitor, request_ids: Sequence[str]) -> bool:
        """Move predictions from the table before; whether there were any."""
        status = await self._connection.execute(
            f"""
            WITH moved AS (
                DELETE FROM predictions_before
                WHERE team = $1 AND model_name = $2 AND request_id = ANY($3::text[])
                RETURNING {_ROW}
            )
            INSERT INTO predictions ({_ROW}) SELECT {_ROW} FROM moved ON CONFLICT DO NOTHING
            """,  # noqa: S608 -- constants
            monitor.team,
            monitor.config.model_name,
            list(request_ids),
        )
        return not status.endswith(" 0")

    async def label(self, monitor: Monitor, truths: Sequence[Truth], at: datetime) -> None:
        if not truths:
            return
        await self._connection.execute(
            """
            UPDATE predictions p SET actual = given.actual, observed_at = given.observed_at, labelled_at = $6
            FROM unnest($3::text[], $4::text[], $5::timestamptz[]) AS given (request_id, actual, observed_at)
            WHERE p.team = $1 AND p.model_name = $2 AND p.request_id = given.request_id
                -- Said twice: by the join alone all predictions of the model may be read.
                AND p.request_id = ANY($3::text[])
            """,
            monitor.team,
            monitor.config.model_name,
            [each.request_id for each in truths],
            [each.actual for each in truths],
            [each.observed_at for each in truths],
            at,
        )
