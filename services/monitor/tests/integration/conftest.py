"""One replica's use-cases over a real database."""

from dataclasses import replace
from datetime import timedelta
from importlib import resources
from unittest.mock import AsyncMock
from uuid import UUID

import numpy as np
import pytest
from forgepoint.common.v1 import model_pb2
from fp_events.message.envelope import decode
from fp_kernel import Command, PageRequest, new_id
from fp_monitor.adapters.postgres.reads import PostgresReads
from fp_monitor.adapters.postgres.retention import predictions
from fp_monitor.adapters.postgres.transactions import PostgresTransactions
from fp_monitor.app.close_windows import CloseWindows
from fp_monitor.app.configure_monitor import ConfigureMonitor
from fp_monitor.app.count_traffic import CountTraffic, PredictionRecorded
from fp_monitor.app.fill_windows import FillWindows
from fp_monitor.app.judge_window import JudgeWindow
from fp_monitor.app.ports import Promotion, ReportFilter
from fp_monitor.app.submit_truth import SubmitTruth
from fp_monitor.app.take_baseline import TakeBaseline
from fp_monitor.domain.metric import Severity
from fp_monitor.domain.monitor import Config
from fp_monitor.domain.prediction import Prediction, Rows, Truth
from fp_postgres import Database
from fp_postgres.partitions import Partitions

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
        judge_window = JudgeWindow(clock)
        self.fill_windows = FillWindows(clock, judge_window, labels_wait=30 * 24 * HOUR)
        self.traffic = CountTraffic(
            self.transactions, self.fill_windows, clock, consumer="monitor-traffic", unlabelled=14 * 24 * HOUR
        )
        self.label = SubmitTruth(self.transactions, self.fill_windows, clock)
        self.timer = CloseWindows(self.transactions, self.reads, judge_window, clock)
        self.requests, self.model, self.profile, self.database = 0, "delays", PROFILE, database
        self.random = np.random.default_rng(1)

    async def configure(self, **changes):
        given = {"duration": HOUR, "size": 0, "min_samples": 10, "enabled": True} | changes
        given = {"auto_retrain": False, "retrain_pipeline_id": ""} | given
        config = Config(self.model, thresholds=(), **given)
        return await ConfigureMonitor(self.transactions, self.reads, AsyncMock(), self.clock)(
            "alpha", config, NO_COMMAND, by="ann"
        )

    async def promote(self, version="1", sequence=1, profile=PROFILE):
        promotion = Promotion(
            "alpha", f"id of {self.model}", self.model, version, profile.SerializeToString(), self.clock.now(), sequence
        )
        await TakeBaseline(self.transactions, self.clock, consumer="monitor", labels_wait=30 * 24 * HOUR)(
            new_id(), promotion
        )

    def predictions(self, number, *, version="1", score=None, ids=None):
        """Predictions whose request ids are of this moment, or these."""
        return [self._prediction(version, score, ids[place] if ids else self.request_id()) for place in range(number)]

    def request_id(self):
        """As inference makes it: the moment, then what nobody else has."""
        self.requests += 1
        return str(UUID(int=(round(self.clock.now().timestamp() * 1_000) << 80) | self.requests))

    def predictions_of_rows(self, number, hours):
        """So many predictions, each of a request with these hours in its rows."""
        made = self.predictions(number)
        return [
            replace(each, prediction=replace(each.prediction, rows=Rows(len(hours), {"hour": hours}))) for each in made
        ]

    def _prediction(self, version, score, request_id):
        features = {"hour": self.random.random()}
        return PredictionRecorded(
            new_id(), "alpha", self.model, Prediction(request_id, version, self.clock.now(), features, score, "", {})
        )

    async def labelled(self, recorded, actual="1"):
        """Send the truth of these predictions."""
        truths = [Truth(each.prediction.request_id, actual, self.clock.now()) for each in recorded]
        return await self.label("alpha", self.model, truths, NO_COMMAND)

    async def requested_retrainings(self):
        """Reports that asked for a retraining, as often as they did."""
        rows = await self.database.fetch("SELECT envelope FROM fp_outbox ORDER BY position")
        recorded = [decode(row["envelope"]).payload for row in rows]
        return [each.report_id for each in recorded if each.auto_retrain]

    async def samples(self):
        overview = await self.reads.overview("alpha", self.model)
        return overview.samples if overview else None

    async def reported(self):
        return [report.samples for report in await self.found()]

    async def found(self):
        """Reports, newest first."""
        return await self.reads.reports(EVERYTHING, PageRequest(100))


@pytest.fixture
async def database(databases):
    opened = await Database.connect(await databases.create(MIGRATIONS, service="monitor"), source="monitor")
    yield opened
    await opened.close()


@pytest.fixture
def replica(database, clock):
    """One more of them."""
    return lambda: World(database, clock)


@pytest.fixture
def world(replica):
    return replica()


@pytest.fixture
async def days(database, clock):
    """The parts of these days."""
    partitions = Partitions(database, predictions(30 * 24 * HOUR))
    await partitions.ensure(clock.now())
    return partitions
