"""Streams a thousandth as large and as long, and a thousandth of 90 days' predictions: nothing that is owed is blocked.

FP_PROOF_PREDICTIONS sets how many; 1,000,000 by default.
"""

import asyncio
import itertools
import json
import os
import re
import time
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib import resources

import nats
import numpy as np
import pytest
from forgepoint.billing.v1 import billing_pb2 as billing
from forgepoint.billing.v1.billing_pb2_grpc import BillingServiceStub
from forgepoint.common.v1 import model_pb2
from forgepoint.events.v1 import events_pb2
from forgepoint.monitor.v1 import monitor_pb2 as monitor
from forgepoint.monitor.v1.monitor_pb2_grpc import MonitorServiceStub
from forgepoint.registry.v1.registry_pb2 import GetModelResponse
from forgepoint.registry.v1.registry_pb2_grpc import RegistryServiceServicer, add_RegistryServiceServicer_to_server
from fp_events import STREAMS, Event
from fp_events.consumer.catalog import CONSUMERS
from fp_pipeline.adapters.postgres.transactions import PostgresTransaction
from fp_pipeline.api import consumers as canary
from fp_pipeline.app.count_requests import CountRequests
from fp_postgres import Database, DatabaseTransactions
from fp_rpc import Server
from fp_telemetry import Metrics
from fp_testkit.patience import PATIENCE
from fp_testkit.wallclock import real_now
from replicas import eventually, heard

pytestmark = pytest.mark.proof
PREDICTIONS = int(os.environ.get("FP_PROOF_PREDICTIONS", "1000000"))
SCALE = 1_000
SLICE = 500  # predictions a message
ROUND = 4  # messages that are sent together
QUOTA = 2_000
REQUESTS = "METER_TYPE_INFERENCE_REQUEST"
FEATURES = [f"feature_{number}" for number in range(20)]
# Usage is published every 60 s.
SETTINGS = {"FP_BILLING_TELL_SECONDS": "0.06", "FP_BILLING_INVOICE_SECONDS": "1"}
# A month that ended, whose invoice is due to be made while nobody reads statistics.
ENDED = """
    WITH account AS (
        INSERT INTO accounts (team, rate_plan_id, assigned_by, assigned_at)
        SELECT 'beta', id, 'proof', '2013-03-01T00:00Z' FROM rate_plans WHERE name = 'default' RETURNING rate_plan_id
    ), month AS (
        INSERT INTO periods (team, starts_at, rate_plan_id, told, drafted, closed)
        SELECT 'beta', '2013-03-01T00:00Z', rate_plan_id, '{}', false, false FROM account
    )
    INSERT INTO usage_days (team, day, meter, rate_plan_id, quantity, billable, cost_micros)
    SELECT 'beta', '2013-03-02', 'INFERENCE_REQUEST', rate_plan_id, 20000, 10000, 1000000 FROM account
"""
WAITING = "SELECT count(*) FROM fp_outbox WHERE published_at IS NULL"
UNTOLD = "SELECT count(*) FROM usage_untold"
_MISSED = re.compile(r"fp_monitor_events_missed_total\{[^}]*\} ([0-9.e+]+)")


@pytest.fixture
def scaled(monkeypatch):
    """Sizes and ages of the streams, for this process and for those that it starts."""
    values = {f"FP_STREAM_{stream.name}_MAX_BYTES": str(stream.max_bytes // SCALE) for stream in STREAMS}
    for stream in STREAMS:
        values[f"FP_STREAM_{stream.name}_MAX_HOURS"] = str(stream.max_age / timedelta(hours=1) / SCALE)
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return values


def prediction(number, generator, at):
    score = float(generator.random())
    payload = events_pb2.InferenceCompleted(
        request_id=f"request-{number}",
        model_id="m-1",
        model_name="delays",
        version="1",
        prediction_summary=events_pb2.PredictionSummary(
            top_label=str(int(score > 0.5)), top_score=max(score, 1 - score), output_stats={"score": score}
        ),
        feature_summary=events_pb2.FeatureSummary(
            feature_values=dict(zip(FEATURES, generator.random(20), strict=True))
        ),
    )
    payload.completed_at.FromDatetime(at)
    return payload


def batch(numbers, generator):
    """As inference's tailer sends them: one message for a team, a model and a version."""
    payload = events_pb2.InferenceRecorded(completed=[prediction(each, generator, real_now()) for each in numbers])
    return Event("fp.inference.recorded", payload, "alpha", "m-1", f"{len(numbers)} predictions.", source="inference")


class Spool:
    """What the bus refuses waits and is sent again, as inference's spool does it."""

    def __init__(self, bus):
        self.bus, self.refused = bus, 0

    async def send(self, events):
        waiting = list(events)
        async with asyncio.timeout(3 * PATIENCE):
            while True:
                published = await self.bus.publish(waiting)
                waiting = [each for each in waiting if each.id not in published.acked]
                if not waiting:
                    return
                self.refused += len(waiting)
                await asyncio.sleep(0.1)


async def quota(operator):
    meters = [name for name in billing.MeterType.keys() if name != "METER_TYPE_UNSPECIFIED"]  # noqa: SIM118 -- no mapping
    plan = billing.CreateRatePlanRequest(
        name="gold",
        unit_prices={meter: billing.Money(amount_micros=1, currency_code="USD") for meter in meters},
        quota_limits={REQUESTS: QUOTA},
    )
    created = (await operator.CreateRatePlan(plan)).rate_plan
    await operator.AssignRatePlan(billing.AssignRatePlanRequest(rate_plan_id=created.id))


@asynccontextmanager
async def counting(bus, database):
    """The canary's consumer, in this process."""
    count = canary.count(CountRequests(DatabaseTransactions(database, PostgresTransaction), canary.REQUESTS.name))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(bus.consume(canary.REQUESTS, count))
        yield
        task.cancel()


async def missed(process):
    return sum(float(each) for each in _MISSED.findall(await process._get("/metrics")))


async def sizes(nats_url):
    client = await nats.connect(nats_url)
    try:
        return {info.config.name: info.state.bytes for info in await client.jetstream().streams_info()}
    finally:
        await client.close()


async def lose(nats_url, *names):
    client = await nats.connect(nats_url)
    try:
        for name in names:
            await client.jetstream().delete_stream(name)
    finally:
        await client.close()


@pytest.fixture
async def open_databases(databases):
    opened = []

    async def connect(url=None):
        url = url or await databases.create(resources.files("fp_pipeline") / "migrations", service="pipeline")
        opened.append(await Database.connect(url, source="proof"))
        return opened[-1]

    yield connect
    for each in opened:
        await each.close()


def promoted():
    even = model_pb2.NumericBins(edges=[0.25, 0.5, 0.75], counts=[2_500] * 4)
    profile = model_pb2.BaselineProfile(
        features=[model_pb2.FeatureBaseline(name=FEATURES[0], numeric=even)],
        prediction=model_pb2.PredictionBaseline(labels=["0", "1"], label_counts=[5_000, 5_000], scores=even),
        sample_count=10_000,
    )
    payload = events_pb2.ModelPromoted(
        model_id="m-1", model_name="delays", version="1", to_stage=events_pb2.MODEL_STAGE_PRODUCTION
    )
    payload.baseline_profile.CopyFrom(profile)
    payload.promoted_at.FromDatetime(real_now() - timedelta(days=1))
    return Event("fp.models.promoted", payload, "alpha", "m-1", "Promoted.", source="registry", sequence=1)


class Registry(RegistryServiceServicer):
    """Every model exists."""

    async def GetModel(self, request, context):
        return GetModelResponse()


@pytest.fixture
async def registry(issuer):
    server = Server("registry", resolver=issuer.identity.resolver(), metrics=Metrics("registry"))
    server.add(add_RegistryServiceServicer_to_server, Registry())
    port = await server.start("127.0.0.1:0")
    server.set_serving(True)
    yield f"127.0.0.1:{port}"
    await server.stop(0)


class Run:
    """Sends predictions round by round, and notes how much waits and lies where."""

    def __init__(self, bus, nats_url, metered):
        self.spool, self.nats_url, self.metered = Spool(bus), nats_url, metered
        self.generator, self.numbers = np.random.default_rng(1), itertools.count()
        self.sent, self.outbox, self.inbox = 0, 0, 0
        self.largest = dict.fromkeys((stream.name for stream in STREAMS), 0)

    async def until(self, number):
        while self.sent < number:
            parts = [list(itertools.islice(self.numbers, SLICE)) for _ in range(ROUND)]
            await self.spool.send([batch(part, self.generator) for part in parts])
            self.sent += SLICE * ROUND
            self.outbox = max(self.outbox, await self.metered.fetchval(WAITING))
            self.inbox = max(self.inbox, await self.metered.fetchval("SELECT count(*) FROM fp_inbox"))
            for name, size in (await sizes(self.nats_url)).items():
                self.largest[name] = max(self.largest.get(name, 0), size)

    async def billed(self):
        """All are metered, and each once."""
        total = "SELECT coalesce(sum(quantity), 0) FROM usage_days WHERE team = 'alpha'"

        async def enough():
            return await self.metered.fetchval(total) >= self.sent

        await eventually(enough, patience=10 * PATIENCE)
        assert await self.metered.fetchval(total) == self.sent

    def figures(self):
        return {
            "predictions": self.sent,
            "refused_and_sent_again": self.spool.refused,
            "outbox_at_most": self.outbox,
            "inbox_at_most": self.inbox,
            "stream_bytes_at_most": self.largest,
        }

    async def all_published(self):
        """Nothing is left to publish."""
        return await self.metered.fetchval(WAITING) + await self.metered.fetchval(UNTOLD) == 0


@pytest.fixture
async def platform(scaled, replicas, bus, registry, open_databases):
    """Two processes each of billing and of monitor, and the canary's database."""
    pair = await replicas("billing", **scaled, **SETTINGS)
    watchers = await replicas("monitor", **scaled, FP_REGISTRY_ADDR=registry, FP_PIPELINE_ADDR=registry)
    await bus.ensure(STREAMS, CONSUMERS)
    await quota(BillingServiceStub(pair.channel(pair.first, "operator")))
    watched = await open_databases(watchers.database_url)
    watch = monitor.ConfigureMonitorRequest(model_name="delays", window_size=2_000, min_samples=50, enabled=True)
    await MonitorServiceStub(watchers.channel(watchers.first, "engineer")).ConfigureMonitor(watch)
    await bus.publish([promoted()])
    await eventually(lambda: watched.fetchval("SELECT count(*) FROM monitors WHERE served_version = '1'"))
    processes = (watchers.first, watchers.second)
    return await open_databases(pair.database_url), watched, processes, await open_databases()


async def test_a_thousandth_of_the_room_takes_every_prediction_and_blocks_nothing_owed(platform, bus, nats_url):
    metered, watched, watchers, counted = platform
    run, began = Run(bus, nats_url, metered), time.perf_counter()
    async with counting(bus, counted):
        await run.until(PREDICTIONS // 3)
    for process in watchers:
        await process.stop()
    # More than PREDICTIONS holds, with nobody who reads it.
    await run.metered.execute(ENDED)
    await run.until(2 * PREDICTIONS // 3)
    invoices = await heard(bus, "fp.billing.invoice.>", 1)
    for process in watchers:
        await process.start()
    async with counting(bus, counted):
        await eventually(lambda: missed(watchers[0]))
        await run.until(PREDICTIONS)
        await run.billed()
        await lose(nats_url, "INFERENCE", "PREDICTIONS")
        await bus.ensure(STREAMS, CONSUMERS)
        await run.until(run.sent + 2 * SLICE * ROUND)
        await run.billed()
    await eventually(run.all_published)
    exceeded = await heard(bus, "fp.billing.quota.exceeded", 1)

    assert [event.team for event in exceeded] == ["alpha"]
    assert [event.team for event in invoices] == ["beta"]
    assert await watched.fetchval("SELECT count(*) FROM reports") > 0
    assert await watched.fetchval(WAITING) == 0
    assert run.outbox < 2_000
    assert run.inbox <= run.sent // SLICE + 10
    assert all(run.largest[stream.name] <= stream.max_bytes // SCALE for stream in STREAMS)
    counted_by_canary = int(await counted.fetchval("SELECT sum(count) FROM request_counts"))
    assert counted_by_canary <= run.sent
    gaps = {"messages_missed_by_monitor": await missed(watchers[0]), "counted_by_canary": counted_by_canary}
    print(json.dumps({"proof": "growth", "seconds": round(time.perf_counter() - began, 1), **run.figures(), **gaps}))
