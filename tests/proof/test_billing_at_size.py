"""50,000 predictions of one busy team through two replicas; a month of a million facts that is read and invoiced."""

import asyncio
import json
import time
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import TypeVar

import pytest
from fp_billing.adapters.postgres.months import Months
from fp_billing.adapters.postgres.reads import PostgresReads
from fp_billing.adapters.postgres.transactions import postgres_transactions
from fp_billing.app.issue_invoices import IssueInvoices
from fp_billing.app.ports import Granularity, Wanted
from fp_billing.app.publish_usage import PublishUsage
from fp_billing.app.record_usage import RecordEvents, UsageEvent
from fp_billing.domain.meters import Meter
from fp_billing.domain.periods import Grace, Period
from fp_billing.domain.plans import DEFAULT_PLAN
from fp_billing.domain.usage import Usage
from fp_kernel import PageRequest, new_id
from fp_postgres import Database
from fp_testkit.clock import ManualClock
from fp_testkit.wallclock import RunningClock

Answer = TypeVar("Answer")
pytestmark = pytest.mark.proof
PREDICTIONS, BATCH = 50_000, 500
FACTS = 1_000_000
MARCH = Period(datetime(2013, 3, 1, tzinfo=UTC))
GRACE = Grace(timedelta(hours=72))
RATE = DEFAULT_PLAN.rates[Meter.INFERENCE_REQUEST]
# Milliseconds: of a quota, of a month by day, of an invoice, beside a million facts.
READ = 50.0
FILL = """
    INSERT INTO usage_facts (team, source_id, month, id, rate_plan_id, meter, quantity, billable, cost_micros, currency,
                             model_id, model_version, occurred_at, correlation_id)
    SELECT 'alpha', 'r' || n, '1970-01-01', gen_random_uuid(), $1, 'INFERENCE_REQUEST', 1, 1, 100, 'USD', 'm', '1',
           $2::timestamptz + n * interval '2 seconds', ''
    FROM generate_series(1, $3) AS n
"""
COUNT = """
    INSERT INTO usage_days (team, day, meter, rate_plan_id, quantity, billable, cost_micros)
    SELECT team, (occurred_at AT TIME ZONE 'UTC')::date, meter, rate_plan_id, sum(quantity), sum(billable),
           sum(cost_micros)
    FROM usage_facts GROUP BY 1, 2, 3, 4
"""


@pytest.fixture
async def open_replica(databases):
    url = await databases.create(resources.files("fp_billing") / "migrations", service="billing")
    opened = []

    async def open_one():
        opened.append(await Database.connect(url, source="billing"))
        return opened[-1]

    yield open_one
    for database in opened:
        await database.close()


async def ready_months(database):
    months = Months()
    await months.ensure(database, RunningClock().now())
    return months


async def test_two_replicas_meter_every_prediction_once(open_replica):
    replicas = [await open_replica(), await open_replica()]
    events = [UsageEvent(new_id(), "alpha", (Usage(Meter.INFERENCE_REQUEST, 1, new_id()),)) for _ in range(PREDICTIONS)]
    batches = [events[start : start + BATCH] for start in range(0, PREDICTIONS, BATCH)]

    async def work(database, mine):
        record = RecordEvents(postgres_transactions(database, await ready_months(database)), RunningClock(), GRACE)
        return sum([await record(batch, "billing") for batch in mine])

    began, cpu = time.perf_counter(), time.process_time()
    # Every tenth batch goes to both.
    new = await asyncio.gather(
        work(replicas[0], batches[::2] + batches[1::10]), work(replicas[1], batches[1::2] + batches[::10])
    )
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    database = replicas[0]
    assert sum(new) == PREDICTIONS
    assert await database.fetchval("SELECT sum(quantity) FROM usage_days") == PREDICTIONS
    cost = await database.fetchval("SELECT sum(cost_micros) FROM usage_days")
    assert cost == (PREDICTIONS - RATE.included) * RATE.price_micros
    assert await PublishUsage(postgres_transactions(database, Months()), PostgresReads(database), RunningClock())() == 1
    measured = {
        "predictions_per_second": round(PREDICTIONS / seconds),
        "cpu_us_each": round(cpu / PREDICTIONS * 1e6, 1),
    }
    print(json.dumps({"proof": "billing metering", **measured}))


async def test_a_month_of_a_million_facts_is_read_and_invoiced_at_once(open_replica):
    database = await open_replica()
    await database.execute("INSERT INTO accounts VALUES ('alpha', $1, 'test', $2)", DEFAULT_PLAN.id, MARCH.start)
    await database.execute(
        "INSERT INTO periods VALUES ('alpha', $1, $2, '{}', false, false)", MARCH.start, DEFAULT_PLAN.id
    )
    for start in range(0, FACTS, FACTS // 10):
        await database.execute(
            FILL.replace("(1, $3)", f"({start + 1}, $3)"), DEFAULT_PLAN.id, MARCH.start, start + FACTS // 10
        )
    await database.execute(COUNT)
    reads, clock = PostgresReads(database), ManualClock(MARCH.end + GRACE.length)
    wanted = Wanted("alpha", MARCH.start.date(), MARCH.end.date(), Granularity.DAY)
    took = {}

    async def timed(name: str, answer: Awaitable[Answer]) -> Answer:
        began = time.perf_counter()
        result = await answer
        took[name] = round((time.perf_counter() - began) * 1_000, 2)
        return result

    _, quota, _ = await timed("quota_ms", reads.quota("alpha", Meter.INFERENCE_REQUEST, MARCH))
    days, _ = await timed("usage_ms", reads.usage(wanted, PageRequest(100)))
    billing = IssueInvoices(
        postgres_transactions(database, Months()),
        reads,
        clock=clock,
        grace=GRACE,
        due_in=timedelta(30),
        observe=lambda _: None,
    )
    assert await timed("invoice_ms", billing()) == 1
    (invoice,), _ = await reads.invoices("alpha", None, PageRequest(1))
    assert quota.used == sum(day.meters[Meter.INFERENCE_REQUEST].quantity for day in days)
    assert (invoice.number, invoice.lines[0].quantity) == (1, quota.used)
    assert max(took.values()) < READ
    print(json.dumps({"proof": "billing at size", **took}))
