"""Monitors."""

from collections.abc import Sequence
from datetime import datetime

from asyncpg import Record
from fp_postgres import Connection

from fp_monitor.adapters.json_columns import levels_from_text, levels_to_text, thresholds_from_text, thresholds_to_text
from fp_monitor.domain.monitor import Config, Monitor, Retraining, Unwatched

COLUMNS = """
    m.id::text, m.team, m.model_name, m.window_duration, m.window_size, m.min_samples, m.thresholds, m.auto_retrain,
    m.retrain_pipeline_id, m.retrain_cooldown, m.enabled, m.created_at, m.updated_at, m.model_id, m.served_version,
    m.baseline_version, m.baseline_at, m.levels, m.judged, m.reports, m.alarms, m.last_event_at, m.newest_label,
    m.retrain_asked_at, m.retrain_started_at, m.unwatched, m.unwatched_version, m.retrain_report_id,
    m.retrain_execution_id, m.labels_at, m.revision, m.configured_by
"""

_SAVE = """
INSERT INTO monitors (
    id, team, model_name, window_duration, window_size, min_samples, thresholds, auto_retrain, retrain_pipeline_id,
    retrain_cooldown, enabled, created_at, updated_at, model_id, served_version, baseline_version, baseline_at, levels,
    judged, state, severity, reports, alarms, last_event_at, newest_label, retrain_asked_at, retrain_started_at,
    unwatched, unwatched_version, retrain_report_id, retrain_execution_id, labels_at, revision, configured_by
) VALUES (
    $1::uuid, $2, $3, $4, $5, $6, $7::jsonb, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18::jsonb,
    $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34
)
ON CONFLICT (id) DO UPDATE SET
    window_duration = $4, window_size = $5, min_samples = $6, thresholds = $7::jsonb, auto_retrain = $8,
    retrain_pipeline_id = $9, retrain_cooldown = $10, enabled = $11, updated_at = $13, model_id = $14,
    served_version = $15, baseline_version = $16, baseline_at = $17, levels = $18::jsonb, judged = $19, state = $20,
    severity = $21, reports = $22, alarms = $23, last_event_at = $24, newest_label = $25, retrain_asked_at = $26,
    retrain_started_at = $27, unwatched = $28, unwatched_version = $29,
    retrain_report_id = $30, retrain_execution_id = $31, labels_at = $32,
    revision = $33, configured_by = $34
"""


class PostgresMonitors:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def lock(self, team: str, model_name: str) -> None:
        # Not the row: there is something to hold before a monitor exists, when its baseline arrives.
        await self._connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended($1, 10))", f"{team}\x1f{model_name}"
        )

    async def find(self, team: str, model_name: str) -> Monitor | None:
        row = await self._connection.fetchrow(
            f"SELECT {COLUMNS} FROM monitors m WHERE m.team = $1 AND m.model_name = $2",  # noqa: S608 -- constants
            team,
            model_name,
        )
        return monitor_from(row) if row else None

    async def only_one_of(self, team: str, pipeline_id: str) -> str | None:
        rows = await self._connection.fetch(
            """
            SELECT model_name FROM monitors
            WHERE team = $1 AND retrain_pipeline_id = $2 AND retrain_pipeline_id <> '' LIMIT 2
            """,
            team,
            pipeline_id,
        )
        return rows[0]["model_name"] if len(rows) == 1 else None

    async def retrained_by(self, team: str, execution_id: str) -> Sequence[str]:
        rows = await self._connection.fetch(
            """
            SELECT model_name FROM monitors
            WHERE team = $1 AND retrain_execution_id = $2 AND retrain_execution_id <> ''
            """,
            team,
            execution_id,
        )
        return [row["model_name"] for row in rows]

    async def save(self, monitor: Monitor) -> None:
        config, retraining = monitor.config, monitor.retraining
        await self._connection.execute(
            _SAVE,
            monitor.id,
            monitor.team,
            config.model_name,
            config.duration,
            config.size,
            config.min_samples,
            thresholds_to_text(config.thresholds),
            config.auto_retrain,
            config.retrain_pipeline_id,
            config.cooldown,
            config.enabled,
            monitor.created_at,
            monitor.updated_at,
            monitor.model_id,
            monitor.served,
            monitor.baseline,
            monitor.baseline_at,
            levels_to_text(monitor.levels),
            monitor.judged,
            monitor.state,
            int(monitor.severity),
            monitor.reports,
            monitor.alarms,
            monitor.last_event_at,
            monitor.newest_label,
            retraining.requested_at,
            retraining.started_at,
            monitor.unwatched.predictions,
            monitor.unwatched.version,
            retraining.report_id,
            retraining.execution_id,
            monitor.labels_at or monitor.created_at,
            monitor.revision,
            monitor.configured_by,
        )

    async def delete(self, monitor: Monitor, now: datetime) -> None:
        await self._connection.execute("DELETE FROM monitors WHERE id = $1::uuid", monitor.id)
        await self._connection.execute(
            """
            INSERT INTO deletions (team, model_name, deleted_at) VALUES ($1, $2, $3)
            ON CONFLICT (team, model_name) DO UPDATE SET deleted_at = $3, position = ''
            """,
            monitor.team,
            monitor.config.model_name,
            now,
        )


def monitor_from(row: Record) -> Monitor:
    return Monitor(
        id=row["id"],
        team=row["team"],
        config=Config(
            model_name=row["model_name"],
            duration=row["window_duration"],
            size=row["window_size"],
            min_samples=row["min_samples"],
            thresholds=thresholds_from_text(row["thresholds"]),
            auto_retrain=row["auto_retrain"],
            retrain_pipeline_id=row["retrain_pipeline_id"],
            enabled=row["enabled"],
            cooldown=row["retrain_cooldown"],
        ),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        model_id=row["model_id"],
        served=row["served_version"],
        baseline=row["baseline_version"],
        baseline_at=row["baseline_at"],
        levels=levels_from_text(row["levels"]),
        judged=row["judged"],
        reports=row["reports"],
        alarms=row["alarms"],
        last_event_at=row["last_event_at"],
        newest_label=row["newest_label"],
        retraining=Retraining(
            row["retrain_asked_at"],
            row["retrain_started_at"],
            row["retrain_report_id"],
            row["retrain_execution_id"],
        ),
        unwatched=Unwatched(row["unwatched"], row["unwatched_version"]),
        labels_at=row["labels_at"],
        revision=row["revision"],
        configured_by=row["configured_by"],
    )
