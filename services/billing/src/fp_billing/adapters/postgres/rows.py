"""Rows as domain values."""

from collections.abc import Iterable, Sequence

from asyncpg import Record

from fp_billing.domain.adjustments import Adjustment
from fp_billing.domain.invoices import Invoice, Line, Status
from fp_billing.domain.meters import Meter
from fp_billing.domain.periods import Period
from fp_billing.domain.plans import Limits, Money, Rate, RatePlan
from fp_billing.domain.sums import UsageSum
from fp_billing.domain.usage import UsageRecord

# Rates travel as arrays beside their plan, so that a plan is one row. Statements name the plan's table `p`.
PLAN = """
    p.id, p.name, p.currency, p.created_at, p.predictions_per_second, p.predictions_in_flight,
    array(SELECT meter FROM rates WHERE rate_plan_id = p.id ORDER BY meter) AS meters,
    array(SELECT price_micros FROM rates WHERE rate_plan_id = p.id ORDER BY meter) AS prices,
    array(SELECT included FROM rates WHERE rate_plan_id = p.id ORDER BY meter) AS included,
    array(SELECT quota FROM rates WHERE rate_plan_id = p.id ORDER BY meter) AS quotas,
    array(SELECT per_units FROM rates WHERE rate_plan_id = p.id ORDER BY meter) AS per_units
"""
INVOICE = """
    id, team, starts_at, rate_plan_id, status, number, currency, total_micros, created_at, finalized_at, due_at,
    settled_at, settled_by, note
"""
LINE = """
    l.meter, l.rate_plan_id, p.name AS plan_name, l.quantity, l.billable, l.price_micros, l.amount_micros,
    l.per_units
"""


LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff"


def to_plan(row: Record) -> RatePlan:
    rates = zip(row["meters"], row["prices"], row["included"], row["quotas"], row["per_units"], strict=True)
    return RatePlan(
        id=str(row["id"]),
        name=row["name"],
        currency=row["currency"],
        rates={Meter(meter): Rate(*rate) for meter, *rate in rates},
        created_at=row["created_at"],
        limits=Limits(row["predictions_per_second"], row["predictions_in_flight"]),
    )


def to_record(row: Record) -> UsageRecord:
    return UsageRecord(
        id=str(row["id"]),
        team=row["team"],
        plan_id=str(row["rate_plan_id"]),
        meter=Meter(row["meter"]),
        quantity=row["quantity"],
        billable=row["billable"],
        cost=Money(row["cost_micros"], row["currency"]),
        source_id=row["source_id"],
        model_id=row["model_id"],
        model_version=row["model_version"],
        occurred_at=row["occurred_at"],
        correlation_id=row["correlation_id"],
    )


def to_sum(row: Record) -> UsageSum:
    return UsageSum(
        id=str(row["id"]),
        team=row["team"],
        meter=Meter(row["meter"]),
        model_id=row["model_id"],
        model_version=row["model_version"],
        plan_id=str(row["rate_plan_id"]),
        day=row["day"],
        quantity=int(row["quantity"]),
        cost=Money(int(row["cost_micros"]), row["currency"]),
        facts=row["facts"],
        first_at=row["first_at"],
        last_at=row["last_at"],
    )


def to_line(row: Record) -> Line:
    return Line(
        meter=Meter(row["meter"]),
        plan_id=str(row["rate_plan_id"]),
        plan_name=row["plan_name"],
        quantity=int(row["quantity"]),
        billable=int(row["billable"]),
        price_micros=row["price_micros"],
        amount_micros=int(row["amount_micros"]),
        per_units=row["per_units"],
    )


def to_invoice(row: Record, lines: Iterable[Line], adjustments: Iterable[Adjustment]) -> Invoice:
    return Invoice(
        id=str(row["id"]),
        team=row["team"],
        plan_id=str(row["rate_plan_id"]),
        period=Period(row["starts_at"]),
        status=Status(row["status"]),
        lines=tuple(lines),
        total=Money(int(row["total_micros"]), row["currency"]),
        created_at=row["created_at"],
        number=row["number"] or 0,
        finalized_at=row["finalized_at"],
        due_at=row["due_at"],
        settled_at=row["settled_at"],
        settled_by=row["settled_by"],
        note=row["note"],
        adjustments=tuple(adjustments),
    )


def columns(rows: Iterable[Sequence[object]], width: int) -> list[list[object]]:
    """The rows turned on their side, as `unnest` takes them."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]
