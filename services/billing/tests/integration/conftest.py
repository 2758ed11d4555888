from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import resources
from types import SimpleNamespace

import pytest
import pytest_asyncio
from fp_billing.adapters.postgres.months import Months
from fp_billing.adapters.postgres.reads import PostgresReads
from fp_billing.adapters.postgres.transactions import postgres_transactions
from fp_billing.app.assign_rate_plan import AssignRatePlan
from fp_billing.app.create_adjustment import CreateAdjustment
from fp_billing.app.create_rate_plan import CreateRatePlan
from fp_billing.app.issue_invoices import IssueInvoices
from fp_billing.app.meter_storage import MeterStorage
from fp_billing.app.ports import Granularity, Wanted
from fp_billing.app.publish_usage import PublishUsage
from fp_billing.app.queries import Queries
from fp_billing.app.record_usage import RecordEvents, RecordUsage, UsageEvent
from fp_billing.app.settle_invoice import SettleInvoice
from fp_billing.domain.meters import Meter
from fp_billing.domain.periods import Grace
from fp_billing.domain.usage import Usage
from fp_events import decode
from fp_kernel import Command, PageRequest, Principal, new_id
from fp_postgres import Database
from fp_testkit.clock import ManualClock

ANN = Principal("ann", "alpha", "admin", frozenset({"*:*"}), 0.0)
NO_KEY = Command("alpha", "/Rpc", "", b"", lambda _: b"")
GRACE = Grace(timedelta(hours=72))
NOON = datetime(2013, 3, 10, 12, tzinfo=UTC)
OUTBOX = "SELECT envelope, sequence FROM fp_outbox ORDER BY position"


class Store:
    """The stores, through one connection pool. months: see `Months.ensure`."""

    def __init__(self, database, months):
        self.database = database
        self.transactions, self.reads = postgres_transactions(database, months), PostgresReads(database)

    async def emitted(self):
        rows = await self.database.fetch(OUTBOX)
        return [replace(decode(row["envelope"]), sequence=row["sequence"]) for row in rows]


def use_cases(transactions, reads, *, clock, grace, due_in):
    return SimpleNamespace(
        record_usage=RecordUsage(transactions, clock, grace),
        record_events=RecordEvents(transactions, clock, grace),
        create_rate_plan=CreateRatePlan(transactions, clock),
        assign_rate_plan=AssignRatePlan(transactions, clock),
        settle_invoice=SettleInvoice(transactions, reads, clock, due_in),
        create_adjustment=CreateAdjustment(transactions, clock),
    )


class Desk:
    """Billing without its wire."""

    def __init__(self, side, clock):
        self.side, self.clock, self.invoiced = side, clock, []
        self.do = use_cases(side.transactions, side.reads, clock=clock, grace=GRACE, due_in=timedelta(days=30))
        self.publish_usage = PublishUsage(side.transactions, side.reads, clock)
        self.storing = MeterStorage(side.transactions, side.reads, clock=clock, grace=GRACE)
        self.read = Queries(side.reads, clock)
        self.invoicing = IssueInvoices(
            side.transactions,
            side.reads,
            clock=clock,
            grace=GRACE,
            due_in=timedelta(days=30),
            observe=self.invoiced.append,
        )

    async def put_on(self, plan, team="alpha"):
        """A new plan of these terms, and the team on it."""
        made = await self.do.create_rate_plan(plan, ANN, NO_KEY)
        await self.do.assign_rate_plan(team, made.id, ANN, NO_KEY)
        return made

    async def use(self, quantity=1, source_id="", *, team="alpha", meter=Meter.INFERENCE_REQUEST, at=None, **more):
        usage = Usage(meter, quantity, source_id or new_id(), occurred_at=at, **more)
        return await self.do.record_usage(team, usage, NO_KEY)

    async def record_requests(self, *facts, team="alpha"):
        """A batch of events, each `(event id, source id)` of one request."""
        usage_events = [
            UsageEvent(event_id, team, (Usage(Meter.INFERENCE_REQUEST, 1, source_id, occurred_at=self.clock.now()),))
            for event_id, source_id in facts
        ]
        return await self.do.record_events(usage_events, "billing")

    async def used(self, team="alpha", meter=Meter.INFERENCE_REQUEST):
        return (await self.read.quota(team, meter))[1].used

    async def usage(self, start, end, *, granularity=Granularity.MONTH, team="alpha", meter=None, page=None):
        wanted = Wanted(team, start, end, granularity, meter)
        return await self.read.usage(wanted, page or PageRequest(100))

    async def invoices(self, team="alpha", status=None):
        return (await self.read.invoices(team, status, PageRequest(100)))[0]

    async def events(self, kind=""):
        """What was published so far; usage is published now."""
        await self.publish_usage()
        return [event for event in await self.side.emitted() if kind in event.type]


@pytest.fixture
def clock():
    return ManualClock(NOON)


@pytest_asyncio.fixture
async def database_address(databases):
    return await databases.create(resources.files("fp_billing") / "migrations", service="billing")


@pytest_asyncio.fixture
async def database(database_address):
    opened = await Database.connect(database_address, source="billing")
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def side(database, clock):
    return await opened_store(database, clock)


async def opened_store(database, clock):
    months = Months()
    await months.ensure(database, clock.now())
    return Store(database, months)


@pytest.fixture
def desk(side, clock):
    return Desk(side, clock)


@pytest_asyncio.fixture
async def replicas(database_address, clock):
    """Two desks with connections of their own on one database."""
    opened = [await Database.connect(database_address, source="billing", max_size=8) for _ in range(2)]
    yield [Desk(await opened_store(database, clock), clock) for database in opened]
    for database in opened:
        await database.close()
