"""Killed at every step of metering and of invoicing."""

import itertools
from datetime import UTC, datetime, timedelta
from importlib import resources
from types import SimpleNamespace

import pytest
from fp_billing.adapters.postgres.months import Months
from fp_billing.adapters.postgres.reads import PostgresReads
from fp_billing.adapters.postgres.transactions import postgres_transactions
from fp_billing.app.assign_rate_plan import AssignRatePlan
from fp_billing.app.create_rate_plan import CreateRatePlan
from fp_billing.app.issue_invoices import IssueInvoices
from fp_billing.app.record_usage import RecordEvents, RecordUsage, UsageEvent
from fp_billing.domain.meters import Meter
from fp_billing.domain.periods import Grace
from fp_billing.domain.plans import Money, NewPlan
from fp_billing.domain.usage import Usage
from fp_events import decode
from fp_kernel import Command, PageRequest, Principal, new_id
from fp_postgres import Database
from fp_testkit.clock import ManualClock

ANN = Principal("ann", "alpha", "admin", frozenset({"*:*"}), 0.0)
NO_KEY = Command("alpha", "/Rpc", "", b"", lambda _: b"")
GRACE = Grace(timedelta(hours=72))
NOON = datetime(2013, 3, 10, 12, tzinfo=UTC)
FINAL = datetime(2013, 4, 4, tzinfo=UTC)
FACTS, QUOTA, PRICE = 3, 2, 100
METERS = [f"METER_TYPE_{meter}" for meter in Meter]
PLAN = NewPlan("p", dict.fromkeys(METERS, Money(PRICE, "USD")), {}, dict.fromkeys(METERS, QUOTA))


def _invoicing(database, now):
    return IssueInvoices(
        postgres_transactions(database, Months()),
        PostgresReads(database),
        clock=ManualClock(now),
        grace=GRACE,
        due_in=timedelta(days=30),
        observe=lambda _: None,
    )


def _commands(database):
    transactions, clock = postgres_transactions(database, Months()), ManualClock(NOON)
    return SimpleNamespace(
        record_events=RecordEvents(transactions, clock, GRACE),
        record_usage=RecordUsage(transactions, clock, GRACE),
        create_rate_plan=CreateRatePlan(transactions, clock),
        assign_rate_plan=AssignRatePlan(transactions, clock),
    )


def _batch(team, ids):
    return [UsageEvent(event_id, team, (Usage(Meter.INFERENCE_REQUEST, 1, event_id),)) for event_id in ids]


async def meter(crash, url, team, ids):
    """What a consumer does with a batch."""
    database = await Database.connect(url, source="billing")
    await _commands(crash.wrap(database)).record_events(_batch(team, ids), "billing")


async def invoice(crash, url, _team, _ids):
    """What the schedule does after the grace."""
    database = await Database.connect(url, source="billing")
    await _invoicing(crash.wrap(database), FINAL)()


@pytest.fixture
async def url(databases):
    return await databases.create(resources.files("fp_billing") / "migrations", service="billing")


@pytest.fixture
def team_on_a_plan(url):
    """For each run a team of its own with a quota, and the ids of a batch; all in one database."""
    numbers, plan_id = itertools.count(), []

    async def arrange():
        database = await Database.connect(url, source="billing")
        do, team = _commands(database), f"team {next(numbers)}"
        if not plan_id:
            plan_id.append((await do.create_rate_plan(PLAN, ANN, NO_KEY)).id)
        await do.assign_rate_plan(team, plan_id[0], ANN, NO_KEY)
        await database.close()
        return url, team, [new_id() for _ in range(FACTS)]

    return arrange


async def test_a_batch_that_is_killed_anywhere_is_metered_once_when_it_comes_again(kill_at, team_on_a_plan):
    async def check(run):
        url, team, ids = run.arguments
        database = await Database.connect(url, source="billing")
        # All of it or nothing of it.
        assert await _figures(database, team) == (_WHOLE if run.completed else await _whole_or_nothing(database, team))
        await _commands(database).record_events(_batch(team, ids), "billing")
        assert await _figures(database, team) == _WHOLE
        await database.close()

    assert await kill_at(meter, check, arrange=team_on_a_plan) > 8


async def test_an_invoice_that_is_killed_anywhere_is_made_once_and_no_number_is_lost(kill_at, team_on_a_plan):
    async def arrange():
        url, team, ids = await team_on_a_plan()
        database = await Database.connect(url, source="billing")
        await _commands(database).record_events(_batch(team, ids), "billing")
        await database.close()
        return url, team, ids

    async def check(run):
        url, team, _ = run.arguments
        database = await Database.connect(url, source="billing")
        while await _invoicing(database, FINAL)():
            pass
        (made,), _ = await PostgresReads(database).invoices(team, None, PageRequest(10))
        assert made.total.amount_micros == FACTS * PRICE
        numbers = [row["number"] for row in await database.fetch("SELECT number FROM invoices ORDER BY number")]
        assert numbers == list(range(1, len(numbers) + 1))
        assert await _published(database, team, "fp.billing.invoice.generated") == 1
        await database.close()

    assert await kill_at(invoice, check, arrange=arrange) > 8


# Usage rows, inbox rows, facts to be told, events of the quota, units by day, cost by day.
_WHOLE = (FACTS, FACTS, FACTS, 1, FACTS, FACTS * PRICE)
_NOTHING = (0, 0, 0, 0, 0, 0)
_UNPUBLISHED = "SELECT coalesce(sum(facts), 0)::int FROM usage_untold WHERE team = $1"


async def _whole_or_nothing(database, team):
    return _WHOLE if await database.fetchval("SELECT count(*) FROM usage_facts WHERE team = $1", team) else _NOTHING


async def _figures(database, team):
    day = await database.fetchrow(
        "SELECT sum(quantity) AS quantity, sum(cost_micros) AS cost FROM usage_days WHERE team = $1", team
    )
    inbox = "SELECT count(*) FROM fp_inbox JOIN usage_facts ON source_id = event_id::text WHERE team = $1"
    return (
        await database.fetchval("SELECT count(*) FROM usage_facts WHERE team = $1", team),
        await database.fetchval(inbox, team),
        await database.fetchval(_UNPUBLISHED, team),
        await _published(database, team, "fp.billing.quota.exceeded"),
        int(day["quantity"] or 0),
        int(day["cost"] or 0),
    )


async def _published(database, team, kind):
    rows = await database.fetch("SELECT envelope FROM fp_outbox WHERE resource_id = $1", team)
    return sum(decode(row["envelope"]).type == kind for row in rows)
