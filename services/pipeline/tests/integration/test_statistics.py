"""Counting in the stores: once, by any number of replicas; and which execution answers a report."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from fp_kernel import new_id
from fp_pipeline.adapters.postgres.statistics import PostgresStatisticsReads
from fp_pipeline.adapters.postgres.transactions import PostgresTransaction
from fp_pipeline.app.count_requests import CountRequests, NoteGap
from fp_pipeline.domain.statistics import ANSWERED, Gap, Try, bin_of
from fp_postgres import DatabaseTransactions
from fp_testkit.wallclock import RunningClock
from pipeline_fakes.stores import MemoryStores

NOW = datetime(2013, 3, 1, 12, 30, 15, tzinfo=UTC)


def request(version: str = "1", *, outcome: str = ANSWERED, ms: float = 10.0, at: datetime = NOW) -> Try:
    return Try(new_id(), "alpha", "delays", version, at, outcome, ms)


@pytest.fixture(params=["memory", "postgres"])
def counting(request):
    """Transactions and reads of the statistics."""
    if request.param == "memory":
        memory = MemoryStores(RunningClock())
        return memory.transactions, memory.statistics
    database = request.getfixturevalue("database")
    return DatabaseTransactions(database, PostgresTransaction), PostgresStatisticsReads(database, "c")


async def test_a_batch_that_comes_twice_counts_once(counting):
    transactions, statistics = counting
    count = CountRequests(transactions, "c")
    batch = [request(), request(ms=20), request(outcome="TIMEOUT"), request("2")]
    assert await count([*batch, batch[0]]) == 4
    assert await count([*batch, request()]) == 1
    found = await statistics.since("alpha", "delays", NOW)
    assert found["1"].by_key == {(ANSWERED, bin_of(10)): 2, (ANSWERED, bin_of(20)): 1, ("TIMEOUT", 0): 1}
    assert found["2"].answered == 1


async def test_minutes_before_are_neither_read_nor_kept(counting):
    transactions, statistics = counting
    count = CountRequests(transactions, "c")
    await count([request(at=NOW - timedelta(minutes=minutes)) for minutes in range(4)])
    assert (await statistics.since("alpha", "delays", NOW - timedelta(minutes=1)))["1"].answered == 2
    assert await statistics.forget(NOW - timedelta(minutes=2)) == 2
    assert (await statistics.since("alpha", "delays", NOW - timedelta(days=1)))["1"].answered == 2


async def test_the_newest_gap_is_known_until_its_minutes_are_forgotten(counting):
    transactions, statistics = counting
    note = NoteGap(transactions, "c")
    first, second = (Gap(NOW - timedelta(hours=hours + 1), NOW - timedelta(hours=hours), 7) for hours in (3, 1))
    assert await statistics.newest_gap(NOW - timedelta(days=1)) is None
    for gap in (second, first, first):
        await note(gap)
    assert await statistics.newest_gap(NOW - timedelta(hours=5)) == second
    assert await statistics.newest_gap(second.until) == second, "what was lost may have been sent in that very moment"
    assert await statistics.newest_gap(second.until + timedelta(microseconds=1)) is None
    assert await statistics.forget(NOW - timedelta(hours=2)) == 1
    assert await statistics.newest_gap(NOW - timedelta(hours=5)) == second


async def test_replicas_that_find_parts_of_one_gap_note_one_gap(database):
    note, reads = (
        NoteGap(DatabaseTransactions(database, PostgresTransaction), "c"),
        PostgresStatisticsReads(database, "c"),
    )
    hour = timedelta(hours=1)
    for since, events in ((None, 5), (NOW - hour, 7), (NOW - 2 * hour, 3)):
        await note(Gap(since, NOW, events))
    assert await reads.newest_gap(NOW - hour) == Gap(NOW - 2 * hour, NOW, 7)
    assert await database.fetchval("SELECT count(*) FROM statistics_gaps") == 1


async def test_a_gap_of_another_consumer_is_none_of_these_counts(database):
    await NoteGap(DatabaseTransactions(database, PostgresTransaction), "other")(Gap(NOW, NOW, 1))
    assert await PostgresStatisticsReads(database, "c").newest_gap(NOW) is None


async def test_replicas_that_get_overlapping_batches_count_each_request_once(database):
    events = [request(str(number % 3), ms=number) for number in range(300)]
    count = CountRequests(DatabaseTransactions(database, PostgresTransaction), "c")
    batches = [events[start : start + 100] for start in range(0, 300, 50)]
    async with asyncio.TaskGroup() as group:
        for batch in (*batches, *(batch[::-1] for batch in batches)):
            group.create_task(count(batch))
    found = await PostgresStatisticsReads(database, "c").since("alpha", "delays", NOW)
    assert {version: each.answered for version, each in found.items()} == {"0": 100, "1": 100, "2": 100}


async def test_one_execution_answers_a_report(stores, made):
    executions = [await made.saved(stores, name=f"p{number}") for number in range(2)]
    answers = []
    for execution in (*executions, executions[1]):
        async with stores.transactions() as tx:
            answers.append(await tx.retrains.claim("alpha", "r-1", execution.id))
    assert answers == [True, False, False]
