"""The comparison with what inference recorded, in Postgres."""

from collections.abc import Sequence
from datetime import date

from asyncpg import Record
from fp_kernel import PageRequest
from fp_postgres import Database, Transaction

from fp_billing.adapters.postgres.rows import columns
from fp_billing.domain.meters import Meter
from fp_billing.domain.reconciliation import Reconciliation

_COLUMNS = "team, day, meter, recorded, billed, repeated, unrecorded, settled"
_ADD = """
INSERT INTO reconciled_days AS stored (team, day, meter, recorded, billed, repeated, unrecorded)
SELECT * FROM unnest($1::text[], $2::date[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
ON CONFLICT (team, day, meter) DO UPDATE
SET recorded = stored.recorded + excluded.recorded, billed = stored.billed + excluded.billed,
    repeated = stored.repeated + excluded.repeated, unrecorded = stored.unrecorded + excluded.unrecorded,
    settled = false
"""
_SETTLE = """
UPDATE reconciled_days SET settled = true WHERE ctid = any(array(
    SELECT ctid FROM reconciled_days
    WHERE NOT settled AND day < $1 AND recorded = billed + repeated ORDER BY day LIMIT $2))
AND NOT settled AND recorded = billed + repeated
"""
_UNSETTLED = f"""
SELECT {_COLUMNS} FROM reconciled_days WHERE NOT settled AND day < $1 ORDER BY day, team, meter LIMIT $2
"""  # noqa: S608 -- a constant
_FORGET = """
DELETE FROM reconciled_days WHERE ctid = any(array(
    SELECT ctid FROM reconciled_days WHERE day < $1 ORDER BY day LIMIT $2))
"""
_BEHIND = "team = $1 AND day >= $2 AND day < $3 AND (day, meter) < ($4, $5)"
_OF_TEAM = f"""
SELECT {_COLUMNS} FROM reconciled_days WHERE {_BEHIND} ORDER BY day DESC, meter DESC LIMIT $6
"""  # noqa: S608 -- constants
_UNSETTLED_OF_TEAM = f"""
SELECT {_COLUMNS} FROM reconciled_days WHERE {_BEHIND} AND NOT settled ORDER BY day DESC, meter DESC LIMIT $6
"""  # noqa: S608 -- constants


class PostgresReconciliations:
    """`app.ports.Reconciliations` within one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def add(self, parts: Sequence[Reconciliation]) -> None:
        rows = ((p.team, p.day, p.meter, p.recorded, p.billed, p.repeated, p.unrecorded) for p in parts)
        await self._transaction.execute(_ADD, *columns(rows, 7))


async def of_team(
    database: Database, team: str, start: date, end: date, page: PageRequest, *, unsettled_only: bool
) -> tuple[Sequence[Reconciliation], str]:
    day, _, meter = page.after[0].partition(" ") if page.after else ("", "", "")
    statement = _UNSETTLED_OF_TEAM if unsettled_only else _OF_TEAM
    behind = date.fromisoformat(day) if day else date.max
    rows = await database.fetch(statement, team, start, end, behind, meter, page.size + 1)
    shown = [_reconciliation(row) for row in rows[: page.size]]
    return shown, f"{shown[-1].day} {shown[-1].meter}" if len(rows) > page.size else ""


class PostgresBooks:
    """`app.ports.Books` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def settle(self, before: date, limit: int) -> int:
        return _count(await self._database.execute(_SETTLE, before, limit))

    async def forget(self, before: date, limit: int) -> int:
        return _count(await self._database.execute(_FORGET, before, limit))


async def unsettled(database: Database, before: date, limit: int) -> Sequence[Reconciliation]:
    return [_reconciliation(row) for row in await database.fetch(_UNSETTLED, before, limit)]


def _reconciliation(row: Record) -> Reconciliation:
    return Reconciliation(
        team=row["team"],
        day=row["day"],
        meter=Meter(row["meter"]),
        recorded=row["recorded"],
        billed=row["billed"],
        repeated=row["repeated"],
        unrecorded=row["unrecorded"],
        settled=row["settled"],
    )


def _count(status: str) -> int:
    return int(status.rpartition(" ")[2])
