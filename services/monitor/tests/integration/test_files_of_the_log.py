"""Files of the prediction log: those that are lost or damaged, those of one prediction, and very many of them."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from fp_kernel import Aborted, NotFound, new_id
from fp_monitor.adapters.postgres import log
from fp_monitor.app import read_log
from prediction_logs import MODEL, TEAM, LogWorld, batch, log_world, logged, some

OTHER = "later"


@pytest.fixture
async def world(database, s3, clock) -> AsyncIterator[LogWorld]:
    async with log_world(database, s3, clock) as opened:
        yield opened


async def one_by_one(world: LogWorld, number: int, *, model: str = MODEL, first: int = 0):
    predictions = some(world, number, first=first)
    for each in predictions:
        await world.write([batch([each], model=model)])
    return predictions


@pytest.mark.parametrize("lost", [False, True])
async def test_a_file_that_cannot_be_read_holds_up_neither_its_day_nor_models_behind_it(world, lost):
    await world.policy()
    await world.policy(model=OTHER)
    predictions = await one_by_one(world, 4)
    (broken,) = await having(world, predictions[1])
    await (world.objects.delete([broken]) if lost else world.damage(broken))
    await one_by_one(world, 3, model=OTHER)
    world.clock.advance(timedelta(days=2).total_seconds())
    await world.merge()
    assert sorted(await world.files()) == [(0, 1), (1, 3), (1, 3)]
    assert [each.object for each in world.unreadable] == [broken]
    assert await world.ids() == [each.request_id for each in predictions[::-1] if each is not predictions[1]]


async def test_a_damaged_file_does_not_keep_labels_out_of_others(world):
    await world.policy(days=90)
    first, second = await one_by_one(world, 2)
    await world.label_table(second, "late")
    damaged = await having(world, first)
    await world.damage(*damaged)
    world.clock.advance(timedelta(days=59).total_seconds())
    await world.label()
    await world.database.execute("DELETE FROM predictions")
    assert [each.label.actual for each in await world.found()] == ["late"]


async def having(world: LogWorld, prediction) -> list[str]:
    """Objects that may have it."""
    found = await world.reads.having(
        TEAM,
        MODEL,
        read_log.marks(prediction.request_id),
        since=None,
        until=world.clock.now() + timedelta(days=1),
        after=None,
        limit=100,
    )
    return [each.object for each in found]


async def test_an_id_that_tells_no_time_is_looked_for_in_the_files_that_may_have_it(world):
    await world.policy()
    await one_by_one(world, 40)
    strange = logged(world.clock.now(), 99)
    strange = type(strange)("order 17", *[getattr(strange, name) for name in strange.__slots__[1:]])
    await world.write([batch([strange])])
    read: list[str] = []
    get = world.objects.get

    async def noted(key, *, limit):
        read.append(key)
        return await get(key, limit=limit)

    world.objects.get = noted
    assert await world.read.prediction(TEAM, MODEL, "order 17") == strange
    with pytest.raises(NotFound):
        await world.read.prediction(TEAM, MODEL, "order 18")
    assert read == await having(world, strange)
    await world.erase("order 17")
    await world.merge.erase()
    assert len(read) == 2
    assert "order 17" not in await world.ids()


async def test_a_file_of_a_release_without_filters_may_have_any_prediction(world):
    await world.policy()
    predictions = await one_by_one(world, 3)
    await world.database.execute("UPDATE log_files SET ids = NULL")
    assert len(await having(world, predictions[0])) == 3
    assert await world.read.prediction(TEAM, MODEL, predictions[1].request_id) == predictions[1]


async def test_merged_and_labelled_files_know_their_predictions_too(world):
    await world.policy(days=90)
    predictions = await one_by_one(world, 3)
    world.clock.advance(timedelta(days=59).total_seconds())
    await world.merge()
    await world.label()
    assert await world.files() == [(1, 3)]
    for each in predictions:
        assert len(await having(world, each)) == 1
    assert await having(world, logged(world.clock.now(), 4)) == []


async def test_very_many_files_of_a_deleted_log_go_in_bites_and_nothing_of_them_comes_back(world, monkeypatch):
    monkeypatch.setattr(log, "BITE", 2)
    monkeypatch.setattr("fp_monitor.adapters.postgres.left_files.BITE", 2)
    await world.policy()
    await one_by_one(world, 5)
    remove = world.left.remove

    async def killed(*where):
        raise ConnectionError("killed behind the commit")

    world.left.remove = killed
    with pytest.raises(ConnectionError):
        await world.delete()
    assert await world.ids() == []
    world.left.remove = remove
    await world.policy()
    await world.write([batch(some(world, 1, first=9))])
    assert len(await world.ids()) == 1
    assert await world.files() == [(0, 1)]


async def test_a_log_does_not_begin_anew_while_files_of_the_one_before_are_there(world):
    await world.policy()
    await one_by_one(world, 1)
    world.left.remove = none_is_left
    await world.delete()
    with pytest.raises(Aborted):
        await world.policy()
    await world.forget()
    assert await world.files() == []
    await world.policy()


async def test_a_merge_that_ends_behind_a_deletion_brings_nothing_back(world):
    await world.policy()
    await one_by_one(world, 2)
    day = world.clock.now().date() + timedelta(days=2)
    (chosen,) = await world.reads.mergeable(day, 2, 10)
    put = world.objects.put

    async def put_late(key, content, **options):
        await put(key, content, **options)
        world.objects.put = put
        world.left.remove = none_is_left
        await world.delete()

    world.objects.put = put_late
    assert not await world.merge.one(chosen, over=True)
    await world.forget()
    assert await world.files() == []


async def none_is_left(*where) -> bool:
    return False


async def test_days_go_in_bites(world, monkeypatch):
    monkeypatch.setattr(log, "BITE", 2)
    await world.policy(days=2)
    await one_by_one(world, 5)
    world.clock.advance(timedelta(days=4).total_seconds())
    left = await one_by_one(world, 1, first=0)
    await world.forget()
    assert await world.ids() == [each.request_id for each in left]
    assert await world.read.prediction(TEAM, MODEL, left[0].request_id) == left[0]
    with pytest.raises(NotFound):
        await world.read.prediction(TEAM, MODEL, new_id())
