"""Runs, their parameters and their newest metrics."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from asyncpg import Record
from fp_kernel import PageRequest
from fp_postgres import Connection

from fp_experiment.adapters.postgres.filters import by_column, condition
from fp_experiment.app.ports import ParamsSize, RunFilter, RunPage
from fp_experiment.domain.metrics import Point
from fp_experiment.domain.runs import DataInput, Run, RunSource, RunStatus, fitting

_COLUMNS = """
id, team, experiment_id, display_name, status, source, model_version_id, owner_id, execution_id, inputs, started_at,
ended_at
"""
# Lists leave documents where they are: a page of them would be more than a message may have.
_WITH_ARTIFACTS = f"{_COLUMNS}, artifacts"
# Joined and not `any`: the plan for all values would look for few ids in an index that has other columns before them.
# Numbers: of a parameter or metric on the wire, beside its texts.
_SIZES = """
SELECT run.id, coalesce(params.bytes, 0)::bigint + coalesce(metrics.bytes, 0)::bigint AS bytes
FROM unnest($2::uuid[]) AS wanted (id) JOIN runs AS run ON run.id = wanted.id
CROSS JOIN LATERAL (
    SELECT sum(octet_length(key) + octet_length(value) + 8) AS bytes FROM run_params WHERE run_id = run.id
) AS params
CROSS JOIN LATERAL (
    SELECT sum(octet_length(key) + 48) AS bytes FROM latest_metrics WHERE run_id = run.id
) AS metrics
WHERE run.team = $1 AND run.deleted_at IS NULL
"""


class PostgresRuns:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, run: Run) -> None:
        await self._connection.execute(
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
        row = await self._connection.fetchrow(
            f"""
            SELECT {_WITH_ARTIFACTS} FROM runs
            WHERE team = $1 AND id = $2::uuid AND deleted_at IS NULL FOR UPDATE
            """,  # noqa: S608 -- constants
            team,
            run_id,
        )
        return (await self._whole([row]))[0] if row else None

    async def save(self, run: Run) -> None:
        await self._connection.execute(
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
        rows = await self._connection.fetch(
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
        stored = await self._connection.fetch(
            "SELECT key, value FROM run_params WHERE run_id = $1::uuid AND key = any($2::text[])", run_id, others
        )
        return {row["key"]: row["value"] for row in stored}

    async def delete(self, run: Run, at: datetime, by: str) -> None:
        await self._connection.execute(
            "UPDATE runs SET deleted_at = $2, artifacts = '' WHERE id = $1::uuid", run.id, at
        )
        await self._connection.execute(
            """
            INSERT INTO deleted_runs (team, id, experiment_id, deleted_at, deleted_by)
            VALUES ($1, $2::uuid, $3::uuid, $4, $5) ON CONFLICT DO NOTHING
            """,
            run.team,
            run.id,
            run.experiment_id,
            at,
            by,
        )

    async def was_deleted(self, team: str, run_id: str) -> bool:
        query = "SELECT true FROM deleted_runs WHERE team = $1 AND id = $2::uuid"
        return await self._connection.fetchval(query, team, run_id) is not None

    async def params_size(self, run_id: str) -> ParamsSize:
        row = await self._connection.fetchrow(
            """
            SELECT count(*) AS count, coalesce(sum(octet_length(key) + octet_length(value)), 0)::bigint AS bytes
            FROM run_params WHERE run_id = $1::uuid
            """,
            run_id,
        )
        return ParamsSize(row["count"], row["bytes"]) if row else ParamsSize(0, 0)

    async def page(self, team: str, wanted: RunFilter, page: PageRequest) -> RunPage:
        rows = await self._connection.fetch(*_listing(team, wanted, page))
        sizes = await self.sizes(team, [row["id"] for row in rows])
        shown = fitting([sizes.get(str(row["id"]), 0) for row in rows[: page.size]])
        return RunPage(await self._whole(rows[:shown]), more=len(rows) > shown)

    async def find(self, team: str, run_ids: Sequence[str], *, artifacts: bool = False) -> Sequence[Run]:
        rows = await self._connection.fetch(
            f"""
            SELECT {_WITH_ARTIFACTS if artifacts else _COLUMNS}
            FROM unnest($2::uuid[]) AS wanted (id) JOIN runs USING (id) WHERE team = $1 AND deleted_at IS NULL
            """,  # noqa: S608 -- constants
            team,
            list(run_ids),
        )
        return await self._whole(rows)

    async def sizes(self, team: str, run_ids: Sequence[Any]) -> Mapping[str, int]:
        """Of the runs that are there: bytes that parameters and newest metrics take in an answer."""
        rows = await self._connection.fetch(_SIZES, team, list(run_ids))
        return {str(row["id"]): row["bytes"] for row in rows}

    async def there(self, team: str, run_id: str) -> bool:
        query = "SELECT true FROM runs WHERE team = $1 AND id = $2::uuid AND deleted_at IS NULL"
        return await self._connection.fetchval(query, team, run_id) is not None

    async def _whole(self, rows: Sequence[Record]) -> list[Run]:
        """With parameters and newest metrics."""
        ids = [row["id"] for row in rows]
        params: dict[Any, dict[str, str]] = defaultdict(dict)
        metrics: dict[Any, list[Point]] = defaultdict(list)
        if not ids:
            return []
        for row in await self._connection.fetch(
            "SELECT run_id, key, value FROM run_params WHERE run_id = any($1::uuid[]) ORDER BY run_id, key", ids
        ):
            params[row["run_id"]][row["key"]] = row["value"]
        for row in await self._connection.fetch(
            """
            SELECT run_id, key, value, step, recorded_at FROM latest_metrics
            WHERE run_id = any($1::uuid[]) ORDER BY run_id, key
            """,
            ids,
        ):
            metrics[row["run_id"]].append(Point(row["key"], row["value"], row["step"], row["recorded_at"]))
        return [replace(_run(row), params=params[row["id"]], final_metrics=metrics[row["id"]]) for row in rows]


def _listing(team: str, wanted: RunFilter, page: PageRequest) -> tuple[Any, ...]:
    """The statement that finds a page and one run more, and its arguments."""
    arguments: list[object] = [team, page.size + 1]
    conditions = ["run.team = $1", "run.deleted_at IS NULL"]
    for text, value in (
        ("run.experiment_id = ${}::uuid", wanted.experiment_id),
        ("run.status = ${}", wanted.status),
        ("run.id < ${}::uuid", page.after[0] if page.after else None),
    ):
        if value:
            arguments.append(value)
            conditions.append(text.format(len(arguments)))
    compared = [condition(comparison, arguments) for comparison in wanted.comparisons]
    if all(map(by_column, wanted.comparisons)):
        return _ordered([*conditions, *(each.searchable for each in compared)]), *arguments
    at_work = _ordered([*conditions, "NOT run.searchable", *(each.not_searchable for each in compared)])
    ended = _ordered([*conditions, "run.searchable", *(each.searchable for each in compared)])
    both = f"SELECT * FROM (({at_work}) UNION ALL ({ended})) AS run ORDER BY run.id DESC LIMIT $2"  # noqa: S608 -- values are arguments
    return both, *arguments


def _ordered(conditions: Sequence[str]) -> str:
    where = " AND ".join(conditions)
    return f"SELECT {_COLUMNS} FROM runs AS run WHERE {where} ORDER BY run.id DESC LIMIT $2"  # noqa: S608 -- values are arguments


def _run(row: Record) -> Run:
    return Run(
        id=str(row["id"]),
        team=row["team"],
        experiment_id=str(row["experiment_id"]),
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
        artifacts=row.get("artifacts", b""),
    )


def _inputs_to_text(inputs: Sequence[DataInput]) -> str:
    def text(moment: datetime | None) -> str | None:
        return moment.isoformat() if moment else None

    return json.dumps(
        [{"view": each.view, "as_of": text(each.as_of), "known_as_of": text(each.known_as_of)} for each in inputs]
    )


def _moment(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
