"""Usage in Postgres: one row a fact, their sums by day, and the sums that are not published yet."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fp_postgres import Transaction

from fp_billing.adapters.postgres.months import Months
from fp_billing.adapters.postgres.rows import columns, to_record, to_sum
from fp_billing.domain.meters import Fact, Meter
from fp_billing.domain.periods import Period, day_of
from fp_billing.domain.sums import UsageSum, summed
from fp_billing.domain.usage import UsageRecord

if TYPE_CHECKING:
    from datetime import date

_RECORD = """
    team, id, rate_plan_id, meter, quantity, billable, cost_micros, currency, source_id, model_id, model_version,
    occurred_at, correlation_id
"""
# One month and meter a statement: one index of one partition is read.
_RECORDED = f"""
SELECT {_RECORD} FROM usage_facts WHERE team = $1 AND meter = $2 AND month = $3 AND source_id = any($4::text[])
"""  # noqa: S608 -- a constant
# Facts of the code before usage_facts, by the key that it joined of both. The table goes when they are past retention.
_RECORDED_BEFORE = f"""
SELECT {_RECORD} FROM usage WHERE team = $1 AND usage_key = any($2::text[])
"""  # noqa: S608 -- a constant
_SUFFIXES = {
    Meter.INFERENCE_REQUEST: "",
    Meter.INFERENCE_TOKENS: ":tokens",
    Meter.COMPUTE_SECONDS: ":compute",
    Meter.STORAGE_BYTES: ":storage",
}
_ADD = """
INSERT INTO usage_facts (team, meter, source_id, month, id, rate_plan_id, quantity, billable, cost_micros, currency,
                         model_id, model_version, occurred_at, correlation_id)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::date[], $5::uuid[], $6::uuid[], $7::bigint[], $8::bigint[],
                     $9::bigint[], $10::text[], $11::text[], $12::text[], $13::timestamptz[], $14::text[])
"""
_COUNT = """
INSERT INTO usage_days AS stored (team, day, meter, rate_plan_id, quantity, billable, cost_micros)
SELECT * FROM unnest($1::text[], $2::date[], $3::text[], $4::uuid[], $5::numeric[], $6::numeric[], $7::numeric[])
ON CONFLICT (team, day, meter, rate_plan_id) DO UPDATE
SET quantity = stored.quantity + excluded.quantity, billable = stored.billable + excluded.billable,
    cost_micros = stored.cost_micros + excluded.cost_micros
"""
_ADD_TO_SUMS = """
INSERT INTO usage_untold AS stored (team, meter, model_id, model_version, rate_plan_id, day, id, quantity, cost_micros,
                                  currency, facts, first_at, last_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::date[], $7::uuid[], $8::numeric[],
                     $9::numeric[], $10::text[], $11::bigint[], $12::timestamptz[], $13::timestamptz[])
ON CONFLICT (team, meter, model_id, model_version, rate_plan_id, day) DO UPDATE
SET quantity = stored.quantity + excluded.quantity, cost_micros = stored.cost_micros + excluded.cost_micros,
    facts = stored.facts + excluded.facts, first_at = least(stored.first_at, excluded.first_at),
    last_at = greatest(stored.last_at, excluded.last_at)
"""
_TAKE_UNPUBLISHED = """
DELETE FROM usage_untold WHERE (team, meter, model_id, model_version, rate_plan_id, day) IN (
    SELECT team, meter, model_id, model_version, rate_plan_id, day FROM usage_untold WHERE team = $1
    ORDER BY meter, model_id, model_version, rate_plan_id, day LIMIT $2)
RETURNING *
"""
_USED = """
SELECT meter, sum(quantity) AS quantity FROM usage_days WHERE team = $1 AND day >= $2 AND day < $3 GROUP BY meter
"""


class PostgresUsage:
    """`app.ports.Usage` within one transaction. months: of facts; see `Months.ensure`."""

    def __init__(self, transaction: Transaction, months: Months) -> None:
        self._transaction = transaction
        self._months = months

    async def recorded(self, team: str, facts: Iterable[Fact]) -> Mapping[Fact, UsageRecord]:
        found: dict[Fact, UsageRecord] = {}
        wanted: defaultdict[tuple[Meter, date], list[str]] = defaultdict(list)
        before: dict[str, Fact] = {}
        for fact in facts:
            wanted[fact.meter, self._months.of(fact.source_id)].append(fact.source_id)
            before[fact.source_id + _SUFFIXES[fact.meter]] = fact
        rows = await self._transaction.fetch(_RECORDED_BEFORE, team, list(before))
        for (meter, month), sources in wanted.items():
            rows += await self._transaction.fetch(_RECORDED, team, meter, month, sources)
        for row in rows:
            record = to_record(row)
            found[record.fact] = record
        return found

    async def add(self, records: Sequence[UsageRecord]) -> None:
        await self._add_facts(records)
        await self._count(records)
        await self._add_to_sums(records)

    async def take_unpublished(self, team: str, limit: int) -> Sequence[UsageSum]:
        return sorted(
            (to_sum(row) for row in await self._transaction.fetch(_TAKE_UNPUBLISHED, team, limit)),
            key=lambda each: each.first_at,
        )

    async def _add_facts(self, records: Sequence[UsageRecord]) -> None:
        await self._transaction.execute(_ADD, *columns((_row(record, self._months) for record in records), 14))

    async def _count(self, records: Sequence[UsageRecord]) -> None:
        sums: defaultdict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0, 0])
        for record in records:
            total = sums[record.team, day_of(record.occurred_at), record.meter, record.plan_id]
            total[0] += record.quantity
            total[1] += record.billable
            total[2] += record.cost.amount_micros
        await self._transaction.execute(_COUNT, *columns(((*key, *total) for key, total in sorted(sums.items())), 7))

    async def _add_to_sums(self, records: Sequence[UsageRecord]) -> None:
        await self._transaction.execute(_ADD_TO_SUMS, *columns(map(_sum_row, summed(records)), 13))


async def used(tx: Transaction, team: str, period: Period) -> Mapping[Meter, int]:
    rows = await tx.fetch(_USED, team, day_of(period.start), day_of(period.end))
    return {Meter(row["meter"]): int(row["quantity"]) for row in rows}


def _row(record: UsageRecord, months: Months) -> tuple[object, ...]:
    return (
        record.team,
        record.meter,
        record.source_id,
        months.of(record.source_id),
        record.id,
        record.plan_id,
        record.quantity,
        record.billable,
        record.cost.amount_micros,
        record.cost.currency,
        record.model_id,
        record.model_version,
        record.occurred_at,
        record.correlation_id,
    )


def _sum_row(total: UsageSum) -> tuple[object, ...]:
    return (
        total.team,
        total.meter,
        total.model_id,
        total.model_version,
        total.plan_id,
        total.day,
        total.id,
        total.quantity,
        total.cost.amount_micros,
        total.cost.currency,
        total.facts,
        total.first_at,
        total.last_at,
    )
