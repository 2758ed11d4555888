"""Invoices in Postgres."""

from collections import defaultdict
from collections.abc import Sequence

from asyncpg import Record
from fp_postgres import Database, Transaction

from fp_billing.adapters.postgres import adjustments as corrections
from fp_billing.adapters.postgres.rows import INVOICE, LINE, columns, to_invoice, to_line
from fp_billing.domain.invoices import Contents, Invoice, Line
from fp_billing.domain.periods import Period, day_of

_LINES = f"""
SELECT {LINE}
FROM (SELECT d.meter, d.rate_plan_id, sum(d.quantity) AS quantity, sum(d.billable) AS billable, r.price_micros,
             sum(d.cost_micros) AS amount_micros, r.per_units
      FROM usage_days d JOIN rates r ON r.rate_plan_id = d.rate_plan_id AND r.meter = d.meter
      WHERE d.team = $1 AND d.day >= $2 AND d.day < $3
      GROUP BY d.meter, d.rate_plan_id, r.price_micros, r.per_units) AS l
JOIN rate_plans p ON p.id = l.rate_plan_id
"""  # noqa: S608 -- a constant
_STORED_LINES = f"""
SELECT l.invoice_id, {LINE} FROM invoice_lines l JOIN rate_plans p ON p.id = l.rate_plan_id
WHERE l.invoice_id = any($1::uuid[]) ORDER BY l.invoice_id, l.position
"""  # noqa: S608 -- a constant
_HOLDING = f"SELECT {INVOICE} FROM invoices WHERE team = $1 AND starts_at = $2 AND status <> 'VOID'"  # noqa: S608 -- a constant
_BY_ID = f"SELECT {INVOICE} FROM invoices WHERE id = $1 AND team = $2"  # noqa: S608 -- a constant
_SAVE = """
INSERT INTO invoices AS stored (id, team, starts_at, rate_plan_id, status, number, currency, total_micros, created_at,
                              finalized_at, due_at, settled_at, settled_by, note)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
ON CONFLICT (id) DO UPDATE
SET rate_plan_id = excluded.rate_plan_id, status = excluded.status, number = excluded.number,
    total_micros = excluded.total_micros, finalized_at = excluded.finalized_at, due_at = excluded.due_at,
    settled_at = excluded.settled_at, settled_by = excluded.settled_by, note = excluded.note
"""
_SAVE_LINES = """
INSERT INTO invoice_lines (invoice_id, position, meter, rate_plan_id, quantity, billable, price_micros, amount_micros,
                           per_units)
SELECT $1, * FROM unnest($2::int[], $3::text[], $4::uuid[], $5::numeric[], $6::numeric[], $7::bigint[], $8::numeric[],
                         $9::bigint[])
"""


class PostgresInvoices:
    """`app.ports.Invoices` within one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def contents(self, team: str, period: Period) -> Contents:
        rows = await self._transaction.fetch(_LINES, team, day_of(period.start), day_of(period.end))
        return Contents([to_line(row) for row in rows], await corrections.of_period(self._transaction, team, period))

    async def find(self, team: str, period: Period) -> Invoice | None:
        found = await complete(self._transaction, await self._transaction.fetch(_HOLDING, team, period.start))
        return found[0] if found else None

    async def by_id(self, team: str, invoice_id: str) -> Invoice | None:
        found = await complete(self._transaction, await self._transaction.fetch(_BY_ID, invoice_id, team))
        return found[0] if found else None

    async def save(self, invoice: Invoice) -> None:
        await self._transaction.execute(
            _SAVE,
            invoice.id,
            invoice.team,
            invoice.period.start,
            invoice.plan_id,
            invoice.status,
            invoice.number or None,
            invoice.total.currency,
            invoice.total.amount_micros,
            invoice.created_at,
            invoice.finalized_at,
            invoice.due_at,
            invoice.settled_at,
            invoice.settled_by,
            invoice.note,
        )
        await self._transaction.execute("DELETE FROM invoice_lines WHERE invoice_id = $1", invoice.id)
        await self._transaction.execute(_SAVE_LINES, invoice.id, *columns(map(_row, enumerate(invoice.lines)), 8))
        await corrections.show(self._transaction, invoice.id, invoice.adjustments)

    async def next_number(self) -> int:
        number: int = await self._transaction.fetchval("UPDATE invoice_numbers SET last = last + 1 RETURNING last")
        return number


async def complete(source: Database | Transaction, rows: Sequence[Record]) -> Sequence[Invoice]:
    """The invoices of these rows with their lines and corrections, in one look each for all of them."""
    if not rows:
        return []
    ids = [row["id"] for row in rows]
    lines: defaultdict[str, list[Line]] = defaultdict(list)
    for line in await source.fetch(_STORED_LINES, ids):
        lines[str(line["invoice_id"])].append(to_line(line))
    adjustments = await corrections.of_invoices(source, ids)
    return [to_invoice(row, lines[str(row["id"])], adjustments[str(row["id"])]) for row in rows]


def _row(numbered: tuple[int, Line]) -> tuple[object, ...]:
    position, line = numbered
    return (
        position,
        line.meter,
        line.plan_id,
        line.quantity,
        line.billable,
        line.price_micros,
        line.amount_micros,
        line.per_units,
    )
