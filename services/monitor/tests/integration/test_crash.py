"""A replica that is killed between any two steps: another one repeats the work, and its effect is there once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib import resources
from typing import Any
from unittest.mock import AsyncMock

import numpy as np
from forgepoint.common.v1 import model_pb2
from fp_kernel import Command, Replayed, new_id
from fp_monitor.adapters.postgres.reads import PostgresReads
from fp_monitor.adapters.postgres.transactions import PostgresTransactions
from fp_monitor.app.close_windows import CloseWindows
from fp_monitor.app.configure_monitor import ConfigureMonitor
from fp_monitor.app.count_traffic import CountTraffic, PredictionRecorded
from fp_monitor.app.fill_windows import FillWindows
from fp_monitor.app.judge_window import JudgeWindow
from fp_monitor.app.ports import Promotion
from fp_monitor.app.submit_truth import SubmitTruth
from fp_monitor.app.take_baseline import TakeBaseline
from fp_monitor.domain.monitor import Config
from fp_monitor.domain.prediction import Prediction, Truth
from fp_postgres import Database
from fp_testkit.crash import CrashedRun, CrashPoints
from fp_testkit.wallclock import MOMENT, RunningClock

MIGRATIONS = resources.files("fp_monitor") / "migrations"
PIPELINE = "018f0000-0000-7000-8000-0000000000bb"
SIZE = 100
NOW = MOMENT
NO_COMMAND = Command("alpha", "", "", b"", lambda _: b"")


def profile() -> bytes:
    even = model_pb2.NumericBins(edges=[0.25, 0.5, 0.75], counts=[2_500] * 4)
    return model_pb2.BaselineProfile(
        features=[model_pb2.FeatureBaseline(name="hour", numeric=even)],
        prediction=model_pb2.PredictionBaseline(labels=["on_time", "late"], scores=even),
        metrics={"auc": 0.95},
    ).SerializeToString()


def batch(first: int, *, shift: float) -> list[PredictionRecorded]:
    random = np.random.default_rng(first)
    predictions = [
        Prediction(f"r{first + i}", "1", NOW, {"hour": random.random() + shift}, random.random(), "1", {})
        for i in range(SIZE)
    ]
    return [PredictionRecorded(new_id(), "alpha", "delays", each) for each in predictions]


def parts(database: Any) -> tuple[PostgresTransactions, FillWindows, CountTraffic, SubmitTruth]:
    transactions, clock = PostgresTransactions(database), RunningClock()
    fill_windows = FillWindows(clock, JudgeWindow(clock))
    count = CountTraffic(transactions, fill_windows, clock, consumer="monitor-traffic", unlabelled=timedelta(days=1))
    return transactions, fill_windows, count, SubmitTruth(transactions, fill_windows, clock)


async def prepared(databases: Any, *, duration: timedelta = timedelta()) -> str:
    """A monitor whose first window of inputs has drifted."""
    url: str = await databases.create(MIGRATIONS, service="monitor")
    database = await Database.connect(url, source="monitor")
    transactions, _, count, _ = parts(database)
    size = 0 if duration else SIZE
    config = Config("delays", duration, size, 10, (), auto_retrain=True, retrain_pipeline_id=PIPELINE, enabled=True)
    await ConfigureMonitor(transactions, PostgresReads(database), AsyncMock(), RunningClock())(
        "alpha", config, NO_COMMAND, by="ann"
    )
    await TakeBaseline(transactions, RunningClock(), consumer="monitor")(
        new_id(), Promotion("alpha", "m", "delays", "1", profile(), NOW, 1)
    )
    await count(batch(0, shift=0.5))
    await database.close()
    return url


async def left(url: str) -> dict[str, Any]:
    database = await Database.connect(url, source="monitor")
    try:
        return {
            "reports": [
                (row["kind"], row["severity"], row["samples"])
                for row in await database.fetch("SELECT kind, severity, samples FROM reports ORDER BY number")
            ],
            "numbers": [row["number"] for row in await database.fetch("SELECT number FROM reports ORDER BY number")],
            "alarms": await database.fetchval("SELECT alarms FROM monitors"),
            "events": await database.fetchval("SELECT count(*) FROM fp_outbox"),
            "predictions": await database.fetchval("SELECT count(*) FROM predictions"),
            "labelled": await database.fetchval("SELECT count(*) FROM predictions WHERE actual IS NOT NULL"),
            "open": await database.fetchval("SELECT count(*) FROM windows"),
        }
    finally:
        await database.close()


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    database = await Database.connect(url, source="monitor")
    try:
        yield database
    finally:
        await database.close()


async def counting(crash: CrashPoints, url: str, recorded: list[PredictionRecorded]) -> None:
    async with opened(url) as database:
        await parts(crash.wrap(database))[2](recorded)


async def test_traffic_is_counted_once_wherever_the_replica_is_killed(kill_at, databases):
    async def arrange() -> tuple[str, list[PredictionRecorded]]:
        return await prepared(databases), batch(SIZE, shift=0.5)

    async def check(run: CrashedRun) -> None:
        url, recorded = run.arguments
        half = await left(url)
        assert half["predictions"] in {SIZE, 2 * SIZE}, "all of a batch or nothing"
        assert half["events"] == half["alarms"]
        assert len(half["reports"]) == half["predictions"] // SIZE * 2
        await counting(CrashPoints(0), url, recorded)
        await counting(CrashPoints(0), url, recorded)
        assert await left(url) == {
            "reports": [("DATA", 1, SIZE), ("PREDICTION", 1, SIZE), ("DATA", 3, SIZE), ("PREDICTION", 1, SIZE)],
            "numbers": [1, 2, 3, 4],
            "alarms": 1,
            "events": 1,
            "predictions": 2 * SIZE,
            "labelled": 0,
            "open": 0,
        }

    assert await kill_at(counting, check, arrange=arrange) > 10


def encoded(submitted: Any) -> bytes:
    return str(submitted.accepted).encode()


async def labelling(crash: CrashPoints, url: str) -> bytes:
    # Labels that have nothing to do with the scores.
    truths = [Truth(f"r{i}", "late" if i % 2 else "on_time", NOW) for i in range(SIZE)]
    command = Command("alpha", "SubmitGroundTruth", "key", b"body", encoded)
    async with opened(url) as database:
        try:
            return encoded(await parts(crash.wrap(database))[3]("alpha", "delays", truths, command))
        except Replayed as replay:
            return replay.response


async def submitting(crash: CrashPoints, url: str) -> None:
    await labelling(crash, url)


async def test_lost_performance_asks_once_wherever_the_replica_is_killed(kill_at, databases):
    async def check(run: CrashedRun) -> None:
        (url,) = run.arguments
        half = await left(url)
        assert half["labelled"] in {0, SIZE}, "all labels or none"
        assert half["events"] == half["alarms"] == half["labelled"] // SIZE
        assert await labelling(CrashPoints(0), url) == b"100"
        assert await labelling(CrashPoints(0), url) == b"100"
        after = await left(url)
        assert after["reports"][2:] == [("PERFORMANCE", 3, SIZE)]
        assert (after["alarms"], after["events"], after["open"]) == (1, 1, 0)

    assert await kill_at(submitting, check, arrange=lambda: prepared(databases)) > 10


async def closing(crash: CrashPoints, url: str) -> None:
    async with opened(url) as database:
        due = await PostgresReads(database).due(RunningClock().now(), 10)
        transactions, clock = PostgresTransactions(crash.wrap(database)), RunningClock()
        judge_window, reads = JudgeWindow(clock), PostgresReads(database)
        close = CloseWindows(transactions, reads, judge_window, clock)
        for each in due:
            await close.close(each)


async def test_the_clock_closes_a_window_once_wherever_the_replica_is_killed(kill_at, databases):
    async def check(run: CrashedRun) -> None:
        (url,) = run.arguments
        await closing(CrashPoints(0), url)
        await closing(CrashPoints(0), url)
        after = await left(url)
        assert after["reports"] == [("DATA", 1, SIZE), ("PREDICTION", 1, SIZE)]
        assert (after["numbers"], after["open"]) == ([1, 2], 0)

    async def arrange() -> str:
        return await prepared(databases, duration=timedelta(microseconds=1))

    assert await kill_at(closing, check, arrange=arrange) > 10
