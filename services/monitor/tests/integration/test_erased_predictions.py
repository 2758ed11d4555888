"""Erased predictions: in no answer at once, and soon in no file."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from fp_kernel import NotFound, new_id
from prediction_logs import MODEL, TEAM, LogWorld, batch, log_world, request_id, some

OTHER = "later"


@pytest.fixture
async def world(database, s3, clock) -> AsyncIterator[LogWorld]:
    async with log_world(database, s3, clock) as opened:
        yield opened


async def test_an_erased_prediction_is_in_no_answer_at_once_and_soon_in_no_file(world):
    await world.policy()
    predictions = some(world, 6)
    await world.write([batch(predictions[:3])])
    await world.write([batch(predictions[3:])])
    gone = predictions[1]
    await world.erase(gone.request_id, new_id())
    left = [each for each in predictions if each is not gone]
    assert await world.found() == left[::-1]
    await world.merge.erase()
    world.clock.advance(3_700)
    await world.forget()
    assert await world.objects_there() == await world.objects_that_count()
    assert gone.request_id not in await world.stored()
    assert await world.found() == left[::-1]


async def test_an_erased_prediction_that_comes_again_is_not_stored(world):
    await world.policy()
    predictions = some(world, 3)
    await world.erase(predictions[1].request_id)
    await world.write([batch(predictions)])
    assert await world.files() == [(0, 2)]


async def test_a_file_of_which_all_is_erased_goes(world):
    await world.policy()
    (only,) = some(world, 1)
    await world.write([batch([only])])
    await world.erase(only.request_id)
    await world.merge.erase()
    assert await world.files() == []


async def test_a_merge_that_overtakes_an_erasure_hides_no_file_from_it(world):
    await world.policy()
    predictions = some(world, 3)
    for each in predictions:
        await world.write([batch([each])])
    await world.erase(predictions[0].request_id)
    listed = world.reads.having

    async def merged_behind_the_first_page(*model, after, **options):
        if after is None:
            # Its filter may name a file that has it not.
            return await world.reads.files(*model[:2], after=None, **options | {"limit": 1})
        world.reads.having = listed
        await world.merge.one((await world.reads.mergeable(predictions[0].day, 2, 10))[0], over=True)
        return await listed(*model, after=after, **options)

    world.reads.having = merged_behind_the_first_page
    await world.merge.erase()
    assert await world.files() == [(1, 2)]
    assert await world.stored() == {each.request_id for each in predictions[1:]}


async def test_a_model_of_which_a_file_is_lost_holds_no_other_one_up(world):
    await world.policy()
    await world.policy(model=OTHER)
    lost, (gone, left) = some(world, 1), some(world, 2, first=1)
    await world.write([batch(lost)])
    await world.objects.delete([*await world.objects_there()])
    await world.write([batch([gone, left], model=OTHER)])
    await world.erase(lost[0].request_id)
    await world.erase(gone.request_id, model=OTHER)
    await world.merge.erase()
    assert await world.stored() == {left.request_id}


async def test_an_id_of_the_end_of_all_times_is_one_that_tells_no_time(world):
    await world.policy()
    gone, left = some(world, 2)
    await world.write([batch([gone, left])])
    last = request_id(datetime.max.replace(microsecond=0, tzinfo=UTC), 1)
    with pytest.raises(NotFound):
        await world.read.prediction(TEAM, MODEL, last)
    await world.erase(last, gone.request_id)
    await world.merge.erase()
    assert await world.stored() == {left.request_id}


async def test_a_damaged_file_that_may_have_an_erased_prediction_goes(world):
    await world.policy()
    damaged, left = some(world, 2), some(world, 2, first=2)
    await world.write([batch(damaged)])
    await world.damage(*await world.objects_there())
    await world.write([batch(left)])
    await world.erase(damaged[0].request_id)
    await world.merge.erase()
    assert await world.ids() == [each.request_id for each in left[::-1]]
    assert await world.files() == [(0, 2)]
