"""Removal by age: predictions by their day, all else in small steps."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from fp_postgres import Database
from fp_postgres.partitions import Partitions
from fp_runtime import Runtime

from fp_monitor.adapters.postgres.retention import PostgresRetention, predictions
from fp_monitor.settings import Settings

_HOURLY = 3_600
_SECONDS = 10
_MINUTELY = 60


async def start(runtime: Runtime, database: Database, settings: Settings) -> None:
    """The parts of the next days are there when this returns."""
    clock, left = runtime.clock, PostgresRetention(database)
    labels_wait = timedelta(days=settings.monitor_retention_days)
    reports, baselines = timedelta(days=settings.monitor_report_days), timedelta(days=settings.monitor_baseline_days)
    partitions = Partitions(database, predictions(labels_wait))
    await partitions.ensure(clock.now())
    runtime.every(_HOURLY, "parts of predictions", lambda: partitions.ensure(clock.now()))
    runtime.every(_HOURLY, "retention of predictions", lambda: partitions.drop(clock.now()))
    runtime.every(_MINUTELY, "predictions without a day", lambda: _all(lambda: left.forget(clock.now() - labels_wait)))
    runtime.every(_HOURLY, "old reports", lambda: _all(lambda: left.forget_reports(clock.now() - reports)))
    runtime.every(_HOURLY, "old gaps", lambda: _all(lambda: left.forget_gaps(clock.now() - reports)))
    runtime.every(_HOURLY, "old baselines", lambda: _all(lambda: left.forget_baselines(clock.now() - baselines)))
    runtime.every(_SECONDS, "predictions of deleted monitors", lambda: _all(left.delete))
    runtime.every(_SECONDS, "purged reports", lambda: _all(left.purge_any))


async def _all(bite: Callable[[], Awaitable[object]]) -> None:
    while await bite():
        pass
