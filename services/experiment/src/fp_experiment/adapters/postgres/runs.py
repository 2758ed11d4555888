"""Runs, their parameters and their newest metrics."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from asyncpg import Record
from fp_kernel import PageRequest

from fp_experiment.adapters.postgres.filters import condition
from fp_experiment.adapters.postgres.queries import Queries
from fp_experiment.app.ports import RunFilter
from fp_experiment.domain.metrics import Point
from fp_experiment.domain.runs import DataInput, Run, RunSource, RunStatus

_SELECT = """
SELECT id::text, team, experiment_id::text, display_name, status, source, model_version_id, owner_id, execution_id,
    inputs, artifacts, started_at, ended_at FROM runs AS run
"""


class PostgresRuns:
    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def add(self, run: Run) -> None:
        await self._queries.execute(
            """
            INSERT INTO runs (id, team, experiment_id, display_name, status, source, model_version_id, owner_id,
                execution_id, inputs, artifacts, started_at)
            VALUES ($1::uuid, $2, $3::uuid, $4, $5, $6, $7, $8, $9, $10::jsonb, $11, $12)
            """,
            run.id,
            run.team,
            run.experiment_id,
            run.display_name,
            run.status,
            run.source,
            run.model_version_id,
            run.owner_id,
            run.execution_id,
            _inputs_to_text(run.inputs),
            run.artifacts,
            run.started_at,
        )

    async def locked(self, team: str, run_id: str) -> Run | None:
        row = await self._queries.fetchrow(f"{_SELECT} WHERE team = $1 AND id = $2::uuid FOR UPDATE", team, run_id)
        return (await self._whole([row]))[0] if row else None

    async def save(self, run: Run) -> None:
        await self._queries.execute(
            "UPDATE runs SET status = $2, ended_at = $3, artifacts = $4 WHERE id = $1::uuid",
            run.id,
            run.status,
            run.ended_at,
            run.artifacts,
        )

    async def add_params(self, run_id: str, params: Sequence[tuple[str, str]]) -> Mapping[str, str]:
        if not params:
            return {}
        wanted = dict(params)
        rows = await self._queries.fetch(
            """
            INSERT INTO run_params (run_id, key, value)
            SELECT $1::uuid, key, value FROM unnest($2::text[], $3::text[]) AS given (key, value)
            ON CONFLICT DO NOTHING RETURNING key
            """,
            run_id,
            list(wanted),
            list(wanted.values()),
        )
        others = sorted(wanted.keys() - {row["key"] for row in rows})
        kept = await self._queries.fetch(
            "SELECT key, value FROM run_params WHERE run_id = $1::uuid AND key = any($2::text[])", run_id, others
        )
        return {row["key"]: row["value"] for row in kept}

    async def count_params(self, run_id: str) -> int:
        return int(await self._queries.fetchval("SELECT count(*) FROM run_params WHERE run_id = $1::uuid", run_id))

    async def page(self, team: str, wanted: RunFilter, page: PageRequest) -> Sequence[Run]:
        arguments: list[object] = [team, page.size + 1]
        conditions = ["team = $1"]
        for text, value in (
            ("experiment_id = ${}::uuid", wanted.experiment_id),
            ("status = ${}", wanted.status),
            ("id < ${}::uuid", page.after[0] if page.after else None),
        ):
            if value:
                arguments.append(value)
                conditions.append(text.format(len(arguments)))
        conditions += [condition(comparison, arguments) for comparison in wanted.comparisons]
        rows = await self._queries.fetch(
            f"{_SELECT} WHERE {' AND '.join(conditions)} ORDER BY run.id DESC LIMIT $2", *arguments
        )
        return await self._whole(rows)

    async def find(self, team: str, run_ids: Sequence[str]) -> Sequence[Run]:
        rows = await self._queries.fetch(f"{_SELECT} WHERE team = $1 AND id = any($2::uuid[])", team, list(run_ids))
        return await self._whole(rows)

    async def there(self, team: str, run_id: str) -> bool:
        query = "SELECT true FROM runs WHERE team = $1 AND id = $2::uuid"
        return await self._queries.fetchval(query, team, run_id) is not None

    async def _whole(self, rows: Sequence[Record]) -> list[Run]:
        """With parameters and newest metrics."""
        ids = [row["id"] for row in rows]
        params: dict[str, dict[str, str]] = defaultdict(dict)
        metrics: dict[str, list[Point]] = defaultdict(list)
        if not ids:
            return []
        for row in await self._queries.fetch(
            "SELECT run_id::text, key, value FROM run_params WHERE run_id = any($1::uuid[]) ORDER BY run_id, key", ids
        ):
            params[row["run_id"]][row["key"]] = row["value"]
        for row in await self._queries.fetch(
            """
            SELECT run_id::text, key, value, step, recorded_at FROM latest_metrics
            WHERE run_id = any($1::uuid[]) ORDER BY run_id, key
            """,
            ids,
        ):
            metrics[row["run_id"]].append(Point(row["key"], row["value"], row["step"], row["recorded_at"]))
        return [replace(_run(row), params=params[row["id"]], final_metrics=metrics[row["id"]]) for row in rows]


def _run(row: Record) -> Run:
    return Run(
        id=row["id"],
        team=row["team"],
        experiment_id=row["experiment_id"],
        display_name=row["display_name"],
        status=RunStatus(row["status"]),
        source=RunSource(row["source"]),
        model_version_id=row["model_version_id"],
        owner_id=row["owner_id"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        execution_id=row["execution_id"],
        inputs=tuple(
            DataInput(each["view"], _moment(each["as_of"]), _moment(each["known_as_of"]))
            for each in json.loads(row["inputs"])
        ),
        artifacts=row["artifacts"],
    )


def _inputs_to_text(inputs: Sequence[DataInput]) -> str:
    def text(moment: datetime | None) -> str | None:
        return moment.isoformat() if moment else None

    return json.dumps(
        [{"view": each.view, "as_of": text(each.as_of), "known_as_of": text(each.known_as_of)} for each in inputs]
    )


def _moment(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
