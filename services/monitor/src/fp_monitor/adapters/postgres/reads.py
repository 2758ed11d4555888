"""Reads outside of transactions."""

from collections.abc import Sequence
from datetime import datetime

from asyncpg import Record
from fp_kernel import PageRequest
from fp_postgres import Database

from fp_monitor.adapters.postgres.gaps import COLUMNS as GAP
from fp_monitor.adapters.postgres.gaps import gap_from
from fp_monitor.adapters.postgres.monitors import COLUMNS as MONITOR
from fp_monitor.adapters.postgres.monitors import monitor_from
from fp_monitor.adapters.postgres.reports import COLUMNS as REPORT
from fp_monitor.adapters.postgres.reports import find, report_from
from fp_monitor.app.ports import Due, MonitorOverview, PlacedReport, ReportFilter
from fp_monitor.domain.gap import Gap
from fp_monitor.domain.metric import MonitorState, Severity
from fp_monitor.domain.report import Report

_BATCH = 100
# Above every id: a cursor that may be missing would read all that lies before the page.
_LAST = "ffffffff-ffff-ffff-ffff-ffffffffffff"

# The samples of the window of inputs; a profile without features has only that of its answers.
_OVERVIEW = f"""
    SELECT {MONITOR},
        coalesce((SELECT w.samples FROM windows w WHERE w.monitor_id = m.id AND w.kind <> 'PERFORMANCE'
                  ORDER BY w.kind LIMIT 1), 0) AS samples
    FROM monitors m
"""  # noqa: S608 -- constants


class PostgresReads:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def promoted(self, team: str, model_name: str) -> bool:
        found = await self._database.fetchval(
            "SELECT true FROM production WHERE team = $1 AND model_name = $2", team, model_name
        )
        return found is not None

    async def overview(self, team: str, model_name: str) -> MonitorOverview | None:
        row = await self._database.fetchrow(f"{_OVERVIEW} WHERE m.team = $1 AND m.model_name = $2", team, model_name)
        return (await self._with_reports([row]))[0] if row else None

    async def overviews(
        self, team: str, min_severity: Severity, state: MonitorState | None, page: PageRequest
    ) -> Sequence[MonitorOverview]:
        rows = await self._database.fetch(
            f"""
            {_OVERVIEW}
            WHERE m.team = $1 AND m.severity >= $2 AND ($3::text IS NULL OR m.state = $3) AND m.model_name > $4
            ORDER BY m.model_name LIMIT $5
            """,
            team,
            int(min_severity),
            state,
            page.after[0] if page.after else "",
            page.size,
        )
        return await self._with_reports(rows)

    async def _with_reports(self, rows: Sequence[Record]) -> list[MonitorOverview]:
        found = await self._database.fetch(
            f"""
            SELECT {REPORT} FROM unnest($1::uuid[], $2::integer[]) AS newest (monitor_id, number)
            JOIN reports r ON r.monitor_id = newest.monitor_id AND r.number = newest.number
            """,  # noqa: S608 -- constants
            [row["id"] for row in rows],
            [row["reports"] for row in rows],
        )
        latest = {row["monitor_id"]: report_from(row) for row in found}
        return [MonitorOverview(monitor_from(row), latest.get(row["id"]), row["samples"]) for row in rows]

    async def gaps(self, since: datetime, limit: int) -> Sequence[Gap]:
        rows = await self._database.fetch(
            f"SELECT {GAP} FROM gaps WHERE noticed_at >= $1 ORDER BY noticed_at DESC LIMIT $2",  # noqa: S608 -- constants
            since,
            limit,
        )
        return [gap_from(row) for row in rows]

    async def report(self, team: str, report_id: str) -> Report | None:
        return await find(self._database, team, report_id)

    async def reports(self, chosen: ReportFilter, page: PageRequest) -> Sequence[Report]:
        # Two statements, because one with "or" would use neither index.
        named = "AND r.model_name = $7" if chosen.model_name else "AND $7 = ''"
        rows = await self._database.fetch(
            f"""
            SELECT {REPORT} FROM reports r
            WHERE r.team = $1 {named} AND r.severity >= $2 AND ($3::timestamptz IS NULL OR r.period_end >= $3)
                AND ($4::timestamptz IS NULL OR r.period_end < $4) AND r.id < $5::uuid
            ORDER BY r.id DESC LIMIT $6
            """,  # noqa: S608 -- constants
            chosen.team,
            int(chosen.min_severity),
            chosen.since,
            chosen.until,
            page.after[0] if page.after else _LAST,
            page.size,
            chosen.model_name,
        )
        return [report_from(row) for row in rows]

    async def watched(self, team: str, model_name: str) -> bool:
        found = await self._database.fetchval(
            "SELECT true FROM monitors WHERE team = $1 AND model_name = $2", team, model_name
        )
        return found is not None

    async def position(self, team: str) -> int:
        return await self._database.fetchval("SELECT last FROM report_positions WHERE team = $1", team) or 0

    async def following(self, team: str, position: int) -> Sequence[PlacedReport]:
        rows = await self._database.fetch(
            f"""
            SELECT {REPORT}, r.position FROM reports r
            WHERE r.team = $1 AND r.position > $2 ORDER BY r.position LIMIT $3
            """,  # noqa: S608 -- constants
            team,
            position,
            _BATCH,
        )
        return [PlacedReport(row["position"], report_from(row)) for row in rows]

    async def due(self, now: datetime, limit: int) -> Sequence[Due]:
        rows = await self._database.fetch(
            """
            SELECT m.team, m.model_name, w.id::text FROM windows w JOIN monitors m ON m.id = w.monitor_id
            WHERE w.closes_at <= $1 ORDER BY w.closes_at LIMIT $2
            """,
            now,
            limit,
        )
        return [Due(row["team"], row["model_name"], row["id"]) for row in rows]
