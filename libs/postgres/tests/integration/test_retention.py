from datetime import timedelta

from fp_events import Consumer
from fp_kernel import new_id
from fp_postgres import Pruner
from fp_testkit.suites.consuming import registered
from fp_testkit.suites.transactions import command

INFERENCE = Consumer("pipeline", ("fp.inference.>",))


async def test_inbox_rows_stay_as_long_as_their_event_may_come_again(database):
    await _taken(database, "pipeline", days=1)
    await _taken(database, "pipeline", days=4)
    await _taken(database, "unknown", days=4)
    await _taken(database, "unknown", days=91)
    assert await Pruner(database, consumers=[INFERENCE]).prune() == 2
    rows = await database.fetch("select consumer from fp_inbox order by consumer")
    assert [row["consumer"] for row in rows] == ["pipeline", "unknown"]


async def test_answers_stay_for_a_day(database):
    for key, hours in (("old", 25), ("new", 23)):
        async with database.transaction(command(key)) as tx:
            await tx.complete("done")
        await database.execute(
            "update fp_commands set created_at = now() - $1::interval where key = $2", timedelta(hours=hours), key
        )
    assert await Pruner(database).prune() == 1
    assert await database.fetchval("select key from fp_commands") == "new"


async def test_only_published_events_are_forgotten(database):
    async with database.transaction() as tx:
        for name in ("published long ago", "published now", "never published"):
            tx.outbox.add(registered(name))
    await database.execute("update fp_outbox set published_at = now() where position <= 2")
    await database.execute("update fp_outbox set published_at = now() - interval '25 hours' where position = 1")
    await database.execute("update fp_outbox set created_at = now() - interval '90 days' where position = 3")
    assert await Pruner(database).prune() == 1
    rows = await database.fetch("select position from fp_outbox order by position")
    assert [row["position"] for row in rows] == [2, 3]


async def test_events_that_the_bus_does_not_take_hold_no_pruning_back(database, monkeypatch):
    monkeypatch.setattr("fp_postgres.retention._BITE", 2)
    async with database.transaction() as tx:
        for number in range(6):
            tx.outbox.add(registered(f"model {number}"))
    await database.execute("update fp_outbox set published_at = now() - interval '25 hours' where position > 3")
    assert await Pruner(database).prune() == 3


async def test_more_than_a_bite_is_deleted_in_bites(database, monkeypatch):
    monkeypatch.setattr("fp_postgres.retention._BITE", 2)
    for _ in range(5):
        await _taken(database, "unknown", days=91)
    assert await Pruner(database).prune() == 5


async def test_a_resource_that_is_quiet_for_long_loses_its_number_and_never_counts_from_below_it(database):
    async def number(name):
        async with database.transaction() as tx:
            tx.outbox.add(registered(name))
        return await database.fetchval("select max(sequence) from fp_outbox where resource_id = $1", f"model-{name}")

    assert [await number("old") for _ in range(3)] == [1, 2, 3]
    assert await number("young") == 1
    await database.execute(
        "update fp_sequences set last_at = now() - interval '91 days' where resource_id = 'model-old'"
    )
    pruner = Pruner(database)
    assert await pruner.prune() == 0  # only the floor was raised: somebody may be at work who has read the lower one
    await database.execute("update fp_sequence_floor set raised_at = now() - interval '2 minutes'")
    assert await pruner.prune() == 1
    assert await database.fetchval("select fp_last_sequence('model-old')") == 3
    assert await number("old") == 4
    assert await number("new") == 4
    assert await number("young") == 2
    assert await database.fetchval("select fp_last_sequence('model-young')") == 2


async def _taken(database, consumer, *, days):
    await database.execute(
        "insert into fp_inbox values ($1, $2, now() - $3::interval)", consumer, new_id(), timedelta(days=days)
    )
