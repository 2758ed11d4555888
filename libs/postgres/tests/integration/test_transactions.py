import asyncio
from uuid import UUID

import asyncpg
import pytest
from forgepoint.events.v1 import events_pb2
from fp_events import Event, decode
from fp_kernel import Aborted, Command, InvalidArgument, Replayed, Unavailable, new_id
from fp_postgres import Database


def event(resource="r", team="alpha"):
    payload = events_pb2.ModelArchived(model_id=resource)
    return Event(type="fp.models.archived", payload=payload, team=team, resource_id=resource, summary="archived")


def command(key="k", body=b"body", team="alpha"):
    return Command(team, "/x.Y/Do", key, body, lambda result: f"did {result}".encode())


async def kept(database):
    rows = await database.fetch("select * from outbox order by position")
    return [decode(row["data"]) for row in rows]


async def test_a_change_and_its_event_are_kept_together(database):
    async with database.transaction() as tx:
        await tx.execute("insert into things values ('a', 1)")
        tx.outbox.add(event())

    (stored,) = await kept(database)
    assert (stored.source, stored.sequence, stored.resource_id) == ("things", 1, "r")
    assert await database.fetchval("select value from things") == 1


async def test_neither_is_kept_when_the_transaction_fails(database):
    with pytest.raises(RuntimeError):
        async with database.transaction() as tx:
            await tx.execute("insert into things values ('a', 1)")
            tx.outbox.add(event())
            raise RuntimeError

    assert await kept(database) == []
    assert await database.fetchval("select count(*) from things") == 0


async def test_sequences_grow_by_resource_and_across_transactions(database):
    async with database.transaction() as tx:
        for resource in ("a", "b", "a"):
            tx.outbox.add(event(resource))
    async with database.transaction() as tx:
        tx.outbox.add(event("a"))

    assert [(stored.resource_id, stored.sequence) for stored in await kept(database)] == [
        ("a", 1), ("b", 1), ("a", 2), ("a", 3),
    ]  # fmt: skip


async def test_sequences_follow_the_order_of_commits_under_contention(database):
    async def change():
        async with database.transaction() as tx:
            tx.outbox.add(event("hot"))

    await asyncio.gather(*(change() for _ in range(30)))

    assert [stored.sequence for stored in await kept(database)] == list(range(1, 31))


async def test_an_event_that_comes_twice_is_fresh_once(database):
    first, second = new_id(), new_id()

    async with database.transaction() as tx:
        assert await tx.inbox.first("c", first)
    async with database.transaction() as tx:
        assert not await tx.inbox.first("c", first)
        assert await tx.inbox.first("another", first)
        assert await tx.inbox.fresh("c", [first, second]) == {second}


async def test_a_failed_effect_leaves_its_event_fresh(database):
    event_id = new_id()
    with pytest.raises(RuntimeError):
        async with database.transaction() as tx:
            await tx.inbox.first("c", event_id)
            raise RuntimeError

    async with database.transaction() as tx:
        assert await tx.inbox.first("c", event_id)


async def test_a_command_sent_twice_happens_once_and_answers_the_same(database):
    async with database.transaction(command()) as tx:
        await tx.execute("insert into things values ('a', 1)")
        await tx.complete(command(), 7)

    with pytest.raises(Replayed) as caught:
        async with database.transaction(command()):
            pytest.fail("it happened again")

    assert caught.value.response == b"did 7"


async def test_the_same_key_with_another_body_names_the_field(database):
    async with database.transaction(command()) as tx:
        await tx.complete(command(), 7)

    with pytest.raises(InvalidArgument) as caught:
        async with database.transaction(command(body=b"other")):
            pass

    assert caught.value.fields[0].field == "idempotency_key"


async def test_keys_of_another_team_are_other_keys(database):
    for team in ("alpha", "beta"):
        async with database.transaction(command(team=team)) as tx:
            await tx.complete(command(team=team), team)


async def test_a_concurrent_twin_waits_for_the_first_and_answers_the_same(database):
    entered = asyncio.Event()
    release = asyncio.Event()

    async def first():
        async with database.transaction(command()) as tx:
            entered.set()
            await release.wait()
            await tx.complete(command(), "first")

    async def twin():
        async with database.transaction(command()):
            pytest.fail("the twin happened as well")

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(first())
        await entered.wait()
        waiting = tasks.create_task(swallow(twin()))
        release.set()
    assert waiting.result().response == b"did first"


async def swallow(coroutine):
    try:
        await coroutine
    except Replayed as replayed:
        return replayed


async def test_a_command_that_failed_may_be_sent_again(database):
    with pytest.raises(RuntimeError):
        async with database.transaction(command()):
            raise RuntimeError

    async with database.transaction(command()) as tx:
        await tx.complete(command(), 1)


async def test_a_command_without_its_answer_is_a_programming_error_and_does_not_commit(database):
    with pytest.raises(RuntimeError, match="complete"):
        async with database.transaction(command()) as tx:
            await tx.execute("insert into things values ('a', 1)")

    assert await database.fetchval("select count(*) from things") == 0


async def test_a_command_without_a_key_is_not_remembered(database):
    for _ in range(2):
        async with database.transaction(command(key="")) as tx:
            await tx.complete(command(key=""), 1)

    assert await database.fetchval("select count(*) from commands") == 0


async def test_a_command_of_yesterday_is_a_new_one(database):
    async with database.transaction(command()) as tx:
        await tx.complete(command(), 1)
    await database.execute("update commands set created_at = now() - interval '25 hours'")

    async with database.transaction(command(body=b"other")) as tx:
        await tx.complete(command(body=b"other"), 2)


async def test_a_lost_race_is_aborted(database):
    await database.execute("insert into things values ('a', 1)")

    async def change(meanwhile):
        async with database.transaction(isolation="serializable") as tx:
            await tx.fetchval("select sum(value) from things")
            await meanwhile()
            await tx.execute("update things set value = value + 1")

    async def nothing():
        pass

    with pytest.raises(Aborted):
        await change(lambda: change(nothing))


async def test_a_constraint_stays_itself(database):
    with pytest.raises(asyncpg.UniqueViolationError):
        async with database.transaction() as tx:
            await tx.executemany("insert into things values ($1, 1)", [("a",), ("a",)])


async def test_a_connection_that_dies_is_unavailable_and_the_next_one_works(database):
    with pytest.raises(Unavailable):
        async with database.transaction() as tx:
            await tx.execute("select pg_terminate_backend(pg_backend_pid())")

    assert await database.fetchval("select 1") == 1


async def test_a_database_that_is_away_is_unavailable():
    with pytest.raises(Unavailable):
        await Database.connect("postgresql://u:p@127.0.0.1:1/x", source="things")


async def test_ids_in_any_spelling_are_one_event(database):
    event_id = new_id()
    async with database.transaction() as tx:
        assert await tx.inbox.fresh("c", [event_id.upper()]) == {event_id.upper()}
        assert not await tx.inbox.first("c", str(UUID(event_id)))
