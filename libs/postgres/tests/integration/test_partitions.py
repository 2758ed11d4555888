import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from fp_kernel import Aborted
from fp_postgres.partitions import Partitioned, Partitions, lowest_id

NOW = datetime(2013, 3, 31, 23, 30, tzinfo=UTC)
DAY = timedelta(days=1)
BY_ID = "create table things (id uuid primary key, name text default '' check (name <> 'bad')) partition by range (id)"
BY_TIME = "create table things (at timestamptz, name text, primary key (at, name)) partition by range (at)"
DAYS = Partitioned("things", "id", "day", ahead=2, retention=timedelta(days=3))


async def parts(database):
    rows = await database.fetch(
        "select inhrelid::regclass::text as name from pg_inherits where inhparent = 'things'::regclass order by 1"
    )
    return [row["name"] for row in rows]


@pytest.fixture
async def things(database):
    await database.execute(BY_ID)
    await database.execute("create index things_by_name on things (name, id)")
    return Partitions(database, DAYS)


async def test_days_are_made_ahead_and_behind_across_the_end_of_a_month(database, things):
    made = await things.ensure(NOW)
    assert made == ["things_2013_03_30", "things_2013_03_31", "things_2013_04_01", "things_2013_04_02"]
    assert await things.ensure(NOW) == []
    for moment in (NOW - DAY, NOW, NOW + 2 * DAY):
        await database.execute("insert into things values ($1)", lowest_id(moment))
    with pytest.raises(asyncpg.CheckViolationError):  # no partition
        await database.execute("insert into things values ($1)", lowest_id(NOW + 3 * DAY))
    with pytest.raises(asyncpg.CheckViolationError):
        await database.execute("insert into things values ($1, 'bad')", lowest_id(NOW))
    rows = await database.fetch("select tablename from pg_indexes where indexdef like '%(name, id)%' order by 1")
    assert [row["tablename"] for row in rows] == ["things", *made]


async def test_months_go_by_time_too(database):
    await database.execute(BY_TIME)
    months = Partitions(database, Partitioned("things", "time", "month", ahead=1, behind=1, retention=DAY))
    assert await months.ensure(NOW) == ["things_2013_02", "things_2013_03", "things_2013_04"]
    await database.execute("insert into things values ('2013-04-30 23:59:59+00', 'late')")
    assert await months.drop(NOW) == ["things_2013_02"]


async def test_what_is_old_is_dropped_as_a_whole_and_what_is_not_stays(database, things):
    await things.ensure(NOW)
    await database.execute("insert into things values ($1)", lowest_id(NOW))
    assert await things.drop(NOW + 2 * DAY) == []
    later = NOW + 4 * DAY
    assert await things.drop(later) == ["things_2013_03_30", "things_2013_03_31"]
    assert await database.fetchval("select count(*) from things") == 0
    assert await things.ensure(later) == [
        "things_2013_04_03",
        "things_2013_04_04",
        "things_2013_04_05",
        "things_2013_04_06",
    ]


async def test_rows_of_the_time_before_the_division_are_one_partition_that_goes_like_the_others(database, things):
    await database.execute("create table things_before (like things including defaults including constraints)")
    await database.execute("insert into things_before values ($1)", lowest_id(NOW - 400 * DAY))
    border = lowest_id(datetime(2013, 4, 1, tzinfo=UTC))
    await database.execute(
        f"alter table things attach partition things_before for values from (minvalue) to ('{border}')"
    )
    assert await things.ensure(NOW) == ["things_2013_04_01", "things_2013_04_02"]
    assert await things.drop(NOW + 4 * DAY) == ["things_before"]


async def test_a_reader_holds_a_drop_back_and_is_not_waited_for(database, things):
    await things.ensure(NOW)
    async with database.transaction() as tx:
        await tx.fetch("select from things")
        with pytest.raises(Aborted):
            await things.drop(NOW + 9 * DAY)
    assert len(await things.drop(NOW + 9 * DAY)) == 4


async def test_replicas_make_the_same_partitions_once(database, things):
    made = await asyncio.gather(*(things.ensure(NOW) for _ in range(4)))
    assert sorted(name for names in made for name in names) == await parts(database)


@pytest.mark.parametrize("options", [{"table": "Robert'; --"}, {"ahead": 0}, {"behind": -1}])
def test_a_table_that_cannot_be_divided_so_is_refused(options):
    with pytest.raises(ValueError, match="no partitioned table"):
        Partitioned(**({"table": "things", "by": "id", "each": "day", "ahead": 1} | options))
