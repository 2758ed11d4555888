"""A writer of the log that is killed between any two steps: what it took is there once, and no object is left over."""

from datetime import UTC, timedelta
from importlib import resources
from typing import Any

from fp_monitor.app.log_ports import Mergeable
from fp_monitor.app.write_log import LoggedBatch
from fp_postgres import Database
from fp_testkit.clock import ManualClock
from fp_testkit.crash import CrashedRun, CrashPoints
from fp_testkit.wallclock import MOMENT
from prediction_logs import MODEL, SECOND, TEAM, LogWorld, batch, logged, store

MIGRATIONS = resources.files("fp_monitor") / "migrations"
NUMBER = 6


def clock(hours: int = 0) -> ManualClock:
    return ManualClock(MOMENT + timedelta(hours=hours))


async def prepared(databases: Any, bucket: Any) -> tuple[str, Any, list[LoggedBatch]]:
    url: str = await databases.create(MIGRATIONS, service="monitor")
    bucket.clear()
    async with opened(url, bucket) as world:
        await world.policy()
    predictions = [logged(MOMENT + place * SECOND, place) for place in range(NUMBER)]
    return url, bucket, [batch(predictions[:3]), batch(predictions[3:])]


class opened:  # noqa: N801 -- used as a function
    """A replica's world, whose calls may kill the process."""

    def __init__(self, url: str, bucket: Any, crash: CrashPoints | None = None, hours: int = 0) -> None:
        self._url, self._bucket, self._crash, self._hours = url, bucket, crash or CrashPoints(0), hours

    async def __aenter__(self) -> LogWorld:
        self._database = await Database.connect(self._url, source="monitor")
        self._objects = store(self._bucket)
        return LogWorld(self._crash.wrap(self._database), self._crash.wrap(self._objects), clock(self._hours))

    async def __aexit__(self, *error: object) -> None:
        await self._objects.close()
        await self._database.close()


async def writing(crash: CrashPoints, url: str, bucket: Any, events: list[LoggedBatch]) -> None:
    async with opened(url, bucket, crash) as world:
        await world.write(events)


async def tidy(url: str, bucket: Any) -> tuple[int, int]:
    """Predictions that are read and objects that are there, two days later; every object is one that counts."""
    async with opened(url, bucket, hours=48) as world:
        await world.forget()
        there = await world.objects_there()
        assert there == await world.objects_that_count()
        return len(await world.found()), len(there)


async def test_what_was_taken_is_in_the_log_once_wherever_the_writer_is_killed(kill_at, databases, s3):
    async def check(run: CrashedRun) -> None:
        url, bucket, events = run.arguments
        async with opened(url, bucket) as world:
            assert len(await world.found()) in {0, NUMBER}, "all of a batch or nothing"
        # The bus sends what was not acknowledged again, and not always together.
        await writing(CrashPoints(0), url, bucket, events[:1])
        await writing(CrashPoints(0), url, bucket, events)
        found, objects = await tidy(url, bucket)
        assert found == NUMBER
        assert objects in {1, 2}

    assert await kill_at(writing, check, arrange=lambda: prepared(databases, s3)) > 6


async def merging(crash: CrashPoints, url: str, bucket: Any, events: list[LoggedBatch]) -> None:
    async with opened(url, bucket, crash) as world:
        await world.merge.one(Mergeable(TEAM, MODEL, MOMENT.astimezone(UTC).date()), over=True)


async def test_a_merge_that_is_killed_anywhere_loses_and_doubles_nothing(kill_at, databases, s3):
    async def arrange() -> tuple[str, Any, list[LoggedBatch]]:
        url, bucket, events = await prepared(databases, s3)
        for each in events:
            await writing(CrashPoints(0), url, bucket, [each])
        return url, bucket, events

    async def check(run: CrashedRun) -> None:
        url, bucket, _ = run.arguments
        async with opened(url, bucket) as world:
            assert len(await world.found()) == NUMBER
        await merging(CrashPoints(0), *run.arguments)
        assert await tidy(url, bucket) == (NUMBER, 1)

    assert await kill_at(merging, check, arrange=arrange) > 6


async def forgetting(crash: CrashPoints, url: str, bucket: Any, hours: int) -> None:
    async with opened(url, bucket, crash, hours) as world:
        await world.forget()


async def test_days_that_are_dropped_leave_no_object_wherever_the_process_is_killed(kill_at, databases, s3):
    late = int(timedelta(days=40).total_seconds() // 3_600)

    async def arrange() -> tuple[str, Any, int]:
        url, bucket, events = await prepared(databases, s3)
        await writing(CrashPoints(0), url, bucket, events)
        await forgetting(CrashPoints(0), url, bucket, late)
        return url, bucket, late + 2

    async def check(run: CrashedRun) -> None:
        url, bucket, hours = run.arguments
        await forgetting(CrashPoints(0), url, bucket, hours)
        async with opened(url, bucket) as world:
            assert await world.objects_there() == set()
            assert await world.database.fetchval("SELECT count(*) FROM log_waste") == 0

    assert await kill_at(forgetting, check, arrange=arrange) > 3
