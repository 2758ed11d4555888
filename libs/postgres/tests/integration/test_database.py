import asyncio
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest
from fp_kernel import Aborted, InvalidArgument, Unavailable, new_id
from fp_postgres import Database
from fp_testkit.suites.consuming import registered
from fp_testkit.suites.transactions import command


async def test_a_change_and_its_event_are_kept_together(database):
    async with database.transaction() as tx:
        await tx.execute("insert into accounts values ('a', 1)")
        tx.outbox.add(registered())
    assert await _counts(database) == (1, 1)


async def test_neither_is_kept_when_the_transaction_fails(database):
    with pytest.raises(asyncpg.CheckViolationError):
        async with database.transaction() as tx:
            tx.outbox.add(registered())
            await tx.execute("insert into accounts values ('a', -1)")
    assert await _counts(database) == (0, 0)


async def test_an_uncompleted_command_takes_its_change_back(database):
    with pytest.raises(RuntimeError, match="not completed"):
        async with database.transaction(command()) as tx:
            await tx.execute("insert into accounts values ('a', 1)")
    assert await _counts(database) == (0, 0)


async def test_a_command_of_yesterday_is_a_new_one(database):
    async with database.transaction(command()) as tx:
        await tx.complete(1)
    await database.execute("update fp_commands set created_at = now() - $1::interval", timedelta(hours=25))
    async with database.transaction(command(body=b"other")) as tx:
        await tx.complete(2)


async def test_a_lost_race_is_aborted(database):
    await database.execute("insert into accounts values ('a', 1)")

    async def change(meanwhile):
        async with database.transaction(isolation="serializable") as tx:
            await tx.fetchval("select sum(balance) from accounts")
            await meanwhile()
            await tx.execute("update accounts set balance = balance + 1")

    async def nothing():
        pass

    with pytest.raises(Aborted):
        await change(lambda: change(nothing))


async def test_a_deadlock_is_aborted_for_one_and_done_for_the_other(database):
    await database.execute("insert into accounts values ('a', 1), ('b', 1)")
    both_hold = asyncio.Barrier(2)

    async def move(source, target):
        async with database.transaction() as tx:
            await tx.execute("update accounts set balance = balance + 1 where id = $1", source)
            await both_hold.wait()
            await tx.execute("update accounts set balance = balance + 1 where id = $1", target)

    outcomes = await asyncio.gather(move("a", "b"), move("b", "a"), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes if outcome is not None] == [Aborted]


async def test_a_connection_that_dies_is_unavailable_and_the_next_one_works(database):
    with pytest.raises(Unavailable):
        async with database.transaction() as tx:
            await tx.execute("select pg_terminate_backend(pg_backend_pid())")
    assert await database.fetchval("select 1") == 1


async def test_a_statement_that_takes_too_long_is_unavailable(database):
    with pytest.raises(Unavailable, match="in time"):
        async with database.transaction() as tx:
            await tx.execute("set local statement_timeout = '20ms'")
            await tx.execute("select pg_sleep(10)")
    assert await database.fetchval("show statement_timeout") == "30s"


async def test_what_a_handler_does_besides_is_not_blamed_on_the_database(database):
    for error in (TimeoutError(), ConnectionRefusedError()):
        with pytest.raises(type(error)):
            async with database.transaction() as tx:
                await tx.execute("insert into accounts values ('a', 1)")
                raise error
    assert await _counts(database) == (0, 0)


async def test_a_full_pool_is_unavailable(url, monkeypatch):
    database = await Database.connect(url, source="test", max_size=1)
    async with database.transaction():
        # Not before: a busy machine needs longer for the connection that is there.
        monkeypatch.setattr("fp_postgres.database._WAIT", 0.05)
        with pytest.raises(Unavailable, match="in use"):
            await database.fetchval("select 1")
    await database.close()


async def test_a_database_that_is_away_is_unavailable():
    with pytest.raises(Unavailable):
        await Database.connect("postgresql://u:p@127.0.0.1:1/x", source="test")


async def test_a_database_whose_connections_are_all_at_work_is_not_away(url, monkeypatch):
    database = await Database.connect(url, source="test", max_size=1)
    async with database.transaction():
        # Who asks for a connection of the pool is refused at once.
        monkeypatch.setattr("fp_postgres.database._WAIT", 0.0)
        await database.ping()
        await database.ping()
    await database.close()


async def test_a_ping_whose_connection_was_cut_takes_another_one(database):
    await database.ping()
    cut = await database.fetch(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'test pulse'"
    )
    assert len(cut) == 1
    with suppress(Unavailable):  # it may have noticed already
        await database.ping()
    await database.ping()


async def test_a_closed_database_is_unavailable(url):
    database = await Database.connect(url, source="test")
    await database.ping()
    await database.close()
    with pytest.raises(Unavailable):
        await database.ping()


async def test_a_wrong_number_of_arguments_stays_a_programming_error(database):
    with pytest.raises(asyncpg.InterfaceError):
        await database.fetchval("select $1::text", "a", "b")


async def test_a_cancelled_transaction_gives_its_connection_back_clean(url):
    database = await Database.connect(url, source="test", max_size=1)
    started = asyncio.Event()

    async def hang():
        async with database.transaction() as tx:
            await tx.execute("insert into accounts values ('a', 1)")
            started.set()
            await tx.execute("select pg_sleep(10)")

    async with asyncio.TaskGroup() as group:
        task = group.create_task(hang())
        await started.wait()
        task.cancel()
    async with database.transaction() as tx:
        assert await tx.fetchval("select count(*) from accounts") == 0
    await database.close()


async def test_rows_can_be_written_many_at_once(database):
    await database.executemany("insert into accounts values ($1, $2)", [("a", 1), ("b", 2)])
    async with database.transaction() as tx:
        await tx.executemany("insert into accounts values ($1, $2)", [("c", 3)])
        await tx.connection.copy_records_to_table("accounts", records=[("d", 4)])
    rows = await database.fetch("select id from accounts order by id")
    assert [row["id"] for row in rows] == ["a", "b", "c", "d"]
    assert (await database.fetchrow("select balance from accounts where id = 'b'"))["balance"] == 2


async def test_ids_in_any_spelling_are_one_event(database):
    event_id = new_id()
    async with database.transaction() as tx:
        assert await tx.inbox.fresh("c", [event_id.upper(), known := new_id()]) == {event_id.upper(), known}
        assert not await tx.inbox.first("c", str(UUID(event_id)))
        assert await tx.inbox.fresh("c", [known, event_id]) == set()


async def _counts(database):
    return (
        await database.fetchval("select count(*) from accounts"),
        await database.fetchval("select count(*) from fp_outbox"),
    )


@pytest.mark.parametrize(("query", "text"), [("select $1::text", "a\0b"), ("select $1::jsonb", '"a\\u0000b"')])
async def test_a_text_that_cannot_be_kept_is_the_callers_fault(database, query, text):
    with pytest.raises(InvalidArgument, match="NUL"):
        await database.fetchval(query, text)
    async with database.transaction() as tx:
        with pytest.raises(InvalidArgument, match="NUL"):
            await tx.fetchval(query, text)
