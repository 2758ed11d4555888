"""Reports."""

from collections import defaultdict
from datetime import datetime
from typing import Final

from asyncpg import Record
from fp_postgres import Connection
from fp_postgres.signals import notify

from fp_monitor.adapters.json_columns import metrics_from_text, metrics_to_text
from fp_monitor.domain.metric import DriftKind, Severity
from fp_monitor.domain.report import Report
from fp_monitor.domain.window import Period

CHANNEL: Final = "fp_monitor"
"""Of this service's signals."""

COLUMNS = """
    r.id::text, r.team, r.model_name, r.monitor_id::text, r.number, r.version, r.kind, r.severity, r.metrics,
    r.window_id::text, r.samples, r.period_start, r.period_end, r.created_at, r.retrains, r.judged,
    r.gap_since, r.gap_until, r.inconclusive
"""


class PostgresReports:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._added: defaultdict[str, list[str]] = defaultdict(list)

    async def add(self, report: Report) -> None:
        await self._connection.execute(
            """
            INSERT INTO reports (id, team, model_name, monitor_id, number, version, kind, severity, metrics, window_id,
                samples, period_start, period_end, created_at, retrains, judged, gap_since, gap_until, inconclusive)
            VALUES ($1::uuid, $2, $3, $4::uuid, $5, $6, $7, $8, $9::jsonb, $10::uuid, $11, $12, $13, $14, $15, $16,
                $17, $18, $19)
            """,
            report.id,
            report.team,
            report.model_name,
            report.monitor_id,
            report.number,
            report.version,
            report.kind,
            int(report.severity),
            metrics_to_text(report.metrics),
            report.window_id,
            report.samples,
            report.period.start,
            report.period.end,
            report.created_at,
            report.retrains,
            report.judged,
            report.gap.start if report.gap else None,
            report.gap.end if report.gap else None,
            report.inconclusive,
        )
        self._added[report.team].append(report.id)
        await notify(self._connection, CHANNEL, report.team)

    async def place(self) -> None:
        """Give those that were added their positions; the last of a transaction.

        The row of a team is held until the commit, so that positions have the order of the commits. Whoever holds it
        waits for nobody: with a position from the start, two that add reports of two models would wait for each other.
        """
        for team, ids in sorted(self._added.items()):
            await self._connection.execute(
                """
                WITH counted AS (
                    INSERT INTO report_positions AS p (team, last) VALUES ($1, cardinality($2::uuid[]))
                    ON CONFLICT (team) DO UPDATE SET last = p.last + excluded.last
                    RETURNING last
                )
                UPDATE reports r SET position = counted.last - cardinality($2::uuid[]) + added.place
                FROM counted, unnest($2::uuid[]) WITH ORDINALITY AS added (id, place) WHERE r.id = added.id
                """,
                team,
                ids,
            )
        self._added.clear()

    async def find(self, team: str, report_id: str) -> Report | None:
        return await find(self._connection, team, report_id)

    async def purge(self, team: str, model_name: str, now: datetime) -> int:
        await self._connection.execute(
            """
            INSERT INTO report_purges (team, model_name, until) VALUES ($1, $2, $3)
            ON CONFLICT (team, model_name) DO UPDATE SET until = excluded.until
            """,
            team,
            model_name,
            now,
        )
        count: int = await self._connection.fetchval(
            "SELECT count(*) FROM reports WHERE team = $1 AND model_name = $2", team, model_name
        )
        return count


async def find(connection: Connection, team: str, report_id: str) -> Report | None:
    row = await connection.fetchrow(
        f"SELECT {COLUMNS} FROM reports r WHERE r.team = $1 AND r.id = $2::uuid",  # noqa: S608 -- constants
        team,
        report_id,
    )
    return report_from(row) if row else None


def report_from(row: Record) -> Report:
    return Report(
        id=row["id"],
        monitor_id=row["monitor_id"],
        team=row["team"],
        model_name=row["model_name"],
        version=row["version"],
        kind=DriftKind(row["kind"]),
        severity=Severity(row["severity"]),
        metrics=metrics_from_text(row["metrics"]),
        window_id=row["window_id"],
        samples=row["samples"],
        period=Period(row["period_start"], row["period_end"]),
        created_at=row["created_at"],
        number=row["number"],
        retrains=row["retrains"],
        judged=row["samples"] if row["judged"] is None else row["judged"],
        gap=Period(row["gap_since"], row["gap_until"]) if row["gap_until"] else None,
        inconclusive=row["inconclusive"],
    )
