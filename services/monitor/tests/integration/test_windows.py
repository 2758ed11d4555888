"""Windows and the clock: closed by a timer of any replica, once, and not before there is enough to judge."""

import asyncio
from datetime import timedelta
from importlib import resources

import numpy as np
import pytest
from forgepoint.common.v1 import model_pb2
from fp_kernel import Command, PageRequest, new_id
from fp_monitor.adapters.documents import metrics_from_text, metrics_to_text
from fp_monitor.adapters.postgres.reads import PostgresReads
from fp_monitor.adapters.postgres.stores import PostgresTransactions
from fp_monitor.app.close_windows import CloseWindows
from fp_monitor.app.configure_monitor import ConfigureMonitor
from fp_monitor.app.count_traffic import CountTraffic, Told
from fp_monitor.app.filling import Filling
from fp_monitor.app.ports import Promotion, ReportFilter
from fp_monitor.app.submit_truth import SubmitTruth
from fp_monitor.app.take_baseline import TakeBaseline
from fp_monitor.app.verdict import Verdict
from fp_monitor.domain.kinds import Method, Severity
from fp_monitor.domain.metric import Metric
from fp_monitor.domain.monitor import Config
from fp_monitor.domain.prediction import Prediction, Truth
from fp_postgres import Database

MIGRATIONS = resources.files("fp_monitor") / "migrations"
HOUR = timedelta(hours=1)
NO_COMMAND = Command("alpha", "", "", b"", lambda _: b"")
EVERYTHING = ReportFilter("alpha", "", Severity.OK)
PROFILE = model_pb2.BaselineProfile(
    features=[model_pb2.FeatureBaseline(name="hour", numeric=model_pb2.NumericBins(edges=[0.5], counts=[500, 500]))]
)


class World:
    """One replica's use-cases over one database."""

    def __init__(self, database, clock):
        self.clock = clock
        self.transactions, self.reads = PostgresTransactions(database), PostgresReads(database)
        verdict = Verdict(clock)
        self.traffic = CountTraffic(self.transactions, Filling(clock, verdict), consumer="monitor-traffic")
        self.timer = CloseWindows(self.transactions, self.reads, verdict, clock, every=1, retention=30 * 24 * HOUR)
        self.random = np.random.default_rng(1)

    async def configure(self, **changes):
        given = {"duration": HOUR, "size": 0, "min_samples": 10, "enabled": True} | changes
        config = Config("delays", thresholds=(), auto_retrain=False, retrain_pipeline_id="", **given)
        return await ConfigureMonitor(self.transactions, self.clock)("alpha", config, NO_COMMAND)

    async def promote(self, version="1", sequence=1):
        promotion = Promotion("alpha", "m", "delays", version, PROFILE.SerializeToString(), self.clock.now(), sequence)
        await TakeBaseline(self.transactions, consumer="monitor")(new_id(), promotion)

    def told(self, number, *, at=None):
        return [
            Told(
                new_id(),
                "alpha",
                "delays",
                Prediction(new_id(), "1", at or self.clock.now(), {"hour": self.random.random()}, None, "", {}),
            )
            for _ in range(number)
        ]

    async def samples(self):
        glance = await self.reads.glance("alpha", "delays")
        return glance.samples if glance else None

    async def reported(self):
        return [report.samples for report in await self.reads.reports(EVERYTHING, PageRequest(100))]


@pytest.fixture
async def database(databases):
    opened = await Database.connect(await databases.create(MIGRATIONS, service="monitor"), source="monitor")
    yield opened
    await opened.close()


@pytest.fixture
def world(database, clock):
    return World(database, clock)


async def test_a_window_with_too_few_events_keeps_them_for_another_while(world, clock):
    await world.configure()
    await world.promote()
    await world.traffic(world.told(5))
    clock.advance(HOUR.total_seconds() + 1)
    assert await world.timer.once() == 1
    assert await world.timer.once() == 0, "it has another hour"
    assert (await world.reported(), await world.samples()) == ([], 5)
    await world.traffic(world.told(6))
    clock.advance(HOUR.total_seconds() + 1)
    await world.timer.once()
    assert (await world.reported(), await world.samples()) == ([11], 0)


async def test_an_open_window_closes_by_the_clock_that_it_is_given_later(world, clock):
    await world.configure(duration=timedelta(), size=1_000)
    await world.promote()
    await world.traffic(world.told(20))
    await world.configure(duration=HOUR, size=0)
    clock.advance(HOUR.total_seconds() + 1)
    assert await world.timer.once() == 1
    assert await world.reported() == [20]


async def test_a_shorter_while_counts_from_the_opening_of_the_window(world, clock):
    await world.configure(duration=100 * HOUR)
    await world.promote()
    await world.traffic(world.told(20))
    clock.advance(2 * HOUR.total_seconds())
    await world.configure(duration=HOUR)
    assert await world.timer.once() == 1
    assert await world.reported() == [20]


async def test_a_statistic_that_is_no_number_does_not_keep_its_window_open(world, clock, database):
    metric = Metric("rmse", Method.UNSPECIFIED, float("inf"), 1.0, float("nan"), Severity.OK, 1.0)
    kept = await database.fetchval("SELECT $1::text::jsonb::text", metrics_to_text([metric]))
    (found,) = metrics_from_text(kept)
    assert np.isnan([found.score, found.current_value]).all()
    assert found.baseline_value == 1.0


async def test_timers_of_many_replicas_close_a_window_once(world, clock, database):
    await world.configure()
    await world.promote()
    await world.traffic(world.told(20))
    clock.advance(HOUR.total_seconds() + 1)
    await asyncio.gather(*(World(database, clock).timer.once() for _ in range(4)))
    assert await world.reported() == [20]


async def test_concurrent_batches_and_repeated_ones_are_counted_once(world, database, clock):
    await world.configure(duration=timedelta(), size=100)
    await world.promote()
    batches = [world.told(30) for _ in range(10)]
    replicas = [World(database, clock).traffic for _ in range(2)]
    await asyncio.gather(*(replicas[place % 2](batch) for place, batch in enumerate([*batches, *batches])))
    assert (await world.reported(), await world.samples()) == ([100] * 3, 0)


async def test_a_baseline_and_a_monitor_that_come_at_the_same_time_find_each_other(databases, clock):
    for _ in range(5):
        database = await Database.connect(await databases.create(MIGRATIONS, service="monitor"), source="monitor")
        world = World(database, clock)
        await asyncio.gather(world.configure(), world.promote())
        glance = await world.reads.glance("alpha", "delays")
        await database.close()
        assert glance is not None
        assert glance.monitor.baseline == "1"


async def test_a_paused_monitor_keeps_predictions_and_counts_none(world):
    await world.configure(enabled=False)
    await world.promote()
    await world.traffic(world.told(20))
    assert await world.samples() == 0
    await world.configure(enabled=True)
    await world.traffic(world.told(3))
    assert await world.samples() == 3


async def test_predictions_are_forgotten_when_nobody_can_label_them_any_more(world, database, clock):
    await world.configure()
    await world.promote()
    await world.traffic(world.told(2, at=clock.now() - 31 * 24 * HOUR))
    await world.traffic(world.told(1))
    assert await world.reads.forget(clock.now() - 30 * 24 * HOUR, 10) == 2
    assert await database.fetchval("SELECT count(*) FROM predictions") == 1


async def test_a_late_promotion_does_not_take_the_place_of_a_newer_one(world):
    await world.configure()
    await world.promote("2", sequence=7)
    await world.promote("1", sequence=3)
    glance = await world.reads.glance("alpha", "delays")
    assert glance is not None
    assert (glance.monitor.served, glance.monitor.baseline) == ("2", "2")


async def test_a_new_baseline_forgets_how_far_the_labels_of_the_old_one_went(world, clock):
    await world.configure()
    await world.promote()
    told = world.told(1)
    await world.traffic(told)
    label = SubmitTruth(world.transactions, Filling(clock, Verdict(clock)), clock)
    truth = Truth(told[0].prediction.request_id, "1", clock.now() - HOUR)
    await label("alpha", "delays", [truth], NO_COMMAND)
    assert (await world.reads.glance("alpha", "delays")).monitor.newest_label == truth.observed_at
    await world.promote("2", sequence=2)
    assert (await world.reads.glance("alpha", "delays")).monitor.newest_label is None
