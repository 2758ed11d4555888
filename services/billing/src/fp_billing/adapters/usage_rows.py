"""Usage in Postgres: one row a fact, and their sums by day."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fp_postgres import Transaction

from fp_billing.adapters.rows import columns, to_record
from fp_billing.domain.meters import Meter
from fp_billing.domain.periods import Period, day_of
from fp_billing.domain.usage import UsageRecord

_RECORDED = """
SELECT team, id, rate_plan_id, meter, quantity, billable, cost_micros, currency, source_id, model_id, model_version,
       occurred_at, correlation_id, usage_key
FROM usage WHERE team = $1 AND usage_key = any($2::text[])
"""
_ADD = """
INSERT INTO usage (team, usage_key, id, rate_plan_id, meter, quantity, billable, cost_micros, currency, source_id,
                   model_id, model_version, occurred_at, correlation_id)
SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[], $4::uuid[], $5::text[], $6::bigint[], $7::bigint[],
                     $8::bigint[], $9::text[], $10::text[], $11::text[], $12::text[], $13::timestamptz[], $14::text[])
"""
_COUNT = """
INSERT INTO usage_days AS kept (team, day, meter, rate_plan_id, quantity, billable, cost_micros)
SELECT * FROM unnest($1::text[], $2::date[], $3::text[], $4::uuid[], $5::numeric[], $6::numeric[], $7::numeric[])
ON CONFLICT (team, day, meter, rate_plan_id) DO UPDATE
SET quantity = kept.quantity + excluded.quantity, billable = kept.billable + excluded.billable,
    cost_micros = kept.cost_micros + excluded.cost_micros
"""
_USED = """
SELECT meter, sum(quantity) AS quantity FROM usage_days WHERE team = $1 AND day >= $2 AND day < $3 GROUP BY meter
"""


async def recorded(tx: Transaction, team: str, keys: Iterable[str]) -> Mapping[str, UsageRecord]:
    rows = await tx.fetch(_RECORDED, team, list(keys))
    return {row["usage_key"]: to_record(row) for row in rows}


async def add(tx: Transaction, records: Sequence[UsageRecord]) -> None:
    await tx.execute(_ADD, *columns(map(_row, records), 14))


async def count(tx: Transaction, records: Sequence[UsageRecord]) -> None:
    sums: defaultdict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0, 0])
    for record in records:
        total = sums[record.team, day_of(record.occurred_at), record.meter, record.plan_id]
        total[0] += record.quantity
        total[1] += record.billable
        total[2] += record.cost.amount_micros
    await tx.execute(_COUNT, *columns(((*key, *total) for key, total in sorted(sums.items())), 7))


async def used(tx: Transaction, team: str, period: Period) -> Mapping[Meter, int]:
    rows = await tx.fetch(_USED, team, day_of(period.start), day_of(period.end))
    return {Meter(row["meter"]): int(row["quantity"]) for row in rows}


def _row(record: UsageRecord) -> tuple[object, ...]:
    return (
        record.team,
        record.key,
        record.id,
        record.plan_id,
        record.meter,
        record.quantity,
        record.billable,
        record.cost.amount_micros,
        record.cost.currency,
        record.source_id,
        record.model_id,
        record.model_version,
        record.occurred_at,
        record.correlation_id,
    )
