"""Corrections in Postgres."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, time

from asyncpg import Record
from fp_kernel import PageRequest
from fp_postgres import Database, Transaction

from fp_billing.adapters.postgres.rows import LAST_ID
from fp_billing.domain.adjustments import Adjustment
from fp_billing.domain.periods import Period, day_of
from fp_billing.domain.plans import Money

_ADJUSTMENT = """
    a.id, a.team, a.month, a.invoiced_in, a.amount_micros, a.currency, a.reason, a.created_by, a.created_at
"""
_ADD = """
INSERT INTO adjustments (id, team, month, invoiced_in, amount_micros, currency, reason, created_by, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_OF_PERIOD = f"""
SELECT {_ADJUSTMENT} FROM adjustments a WHERE a.team = $1 AND a.invoiced_in = $2
"""  # noqa: S608 -- a constant
_OF_TEAM = f"""
SELECT {_ADJUSTMENT} FROM adjustments a WHERE a.team = $1 AND a.id < $2 ORDER BY a.id DESC LIMIT $3
"""  # noqa: S608 -- a constant
_OF_INVOICES = f"""
SELECT i.invoice_id, {_ADJUSTMENT} FROM invoice_adjustments i JOIN adjustments a ON a.id = i.adjustment_id
WHERE i.invoice_id = any($1::uuid[]) ORDER BY i.invoice_id, a.id
"""  # noqa: S608 -- a constant
# An invoice gains entries and loses none.
_SHOW = """
INSERT INTO invoice_adjustments (invoice_id, adjustment_id) SELECT $1, unnest($2::uuid[]) ON CONFLICT DO NOTHING
"""


class PostgresAdjustments:
    """`app.ports.Adjustments` within one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def add(self, adjustment: Adjustment) -> None:
        await self._transaction.execute(
            _ADD,
            adjustment.id,
            adjustment.team,
            day_of(adjustment.period.start),
            day_of(adjustment.invoiced_in.start),
            adjustment.amount.amount_micros,
            adjustment.amount.currency,
            adjustment.reason,
            adjustment.created_by,
            adjustment.created_at,
        )


async def of_period(tx: Transaction, team: str, period: Period) -> Sequence[Adjustment]:
    """Those that stand on the period's invoice."""
    return [_adjustment(row) for row in await tx.fetch(_OF_PERIOD, team, day_of(period.start))]


async def of_team(database: Database, team: str, page: PageRequest) -> tuple[Sequence[Adjustment], str]:
    after = page.after[0] if page.after else LAST_ID
    rows = await database.fetch(_OF_TEAM, team, after, page.size + 1)
    shown = [_adjustment(row) for row in rows[: page.size]]
    return shown, shown[-1].id if len(rows) > page.size else ""


async def of_invoices(
    source: Database | Transaction, invoice_ids: Sequence[object]
) -> defaultdict[str, list[Adjustment]]:
    """By the id of their invoice."""
    found: defaultdict[str, list[Adjustment]] = defaultdict(list)
    for row in await source.fetch(_OF_INVOICES, list(invoice_ids)):
        found[str(row["invoice_id"])].append(_adjustment(row))
    return found


async def show(tx: Transaction, invoice_id: str, adjustments: Sequence[Adjustment]) -> None:
    """On the invoice, from now on."""
    if adjustments:
        await tx.execute(_SHOW, invoice_id, [each.id for each in adjustments])


def _adjustment(row: Record) -> Adjustment:
    return Adjustment(
        id=str(row["id"]),
        team=row["team"],
        period=_period(row["month"]),
        invoiced_in=_period(row["invoiced_in"]),
        amount=Money(row["amount_micros"], row["currency"]),
        reason=row["reason"],
        created_by=row["created_by"],
        created_at=row["created_at"],
    )


def _period(first: date) -> Period:
    return Period(datetime.combine(first, time(), UTC))
