"""The prediction log over a real database and a real object store."""

from collections.abc import AsyncIterator
from datetime import timedelta
from struct import pack

import pytest
from fp_kernel import Aborted, InvalidArgument, NotFound, Unavailable, new_id
from fp_monitor.app import merge_log, read_log
from fp_monitor.app.read_log import Chosen
from prediction_logs import MODEL, SECOND, TEAM, LogWorld, batch, log_world, logged, request_id, seconds, some


@pytest.fixture
async def world(database, s3, clock) -> AsyncIterator[LogWorld]:
    async with log_world(database, s3, clock) as opened:
        yield opened


async def test_what_was_logged_is_read_as_it_was_newest_first(world):
    await world.policy()
    predictions = some(world, 30)
    assert await world.write([batch(predictions[:10]), batch(predictions[10:])]) == 30
    assert await world.found() == predictions[::-1]


async def test_pages_go_through_files_that_overlap_without_leaving_one_out_or_showing_one_twice(world):
    await world.policy()
    predictions = some(world, 60)
    for part in (predictions[0::3], predictions[1::3], predictions[2::3]):
        await world.write([batch(part)])
    assert await world.ids(size=7) == [each.request_id for each in predictions[::-1]]


async def test_many_files_of_the_same_time_are_read_to_their_end(world, monkeypatch):
    monkeypatch.setattr(read_log, "FILES", 3)
    await world.policy()
    predictions = some(world, 16)
    for place in range(8):
        await world.write([batch([predictions[place], predictions[15 - place]])])
    assert await world.ids(size=5) == [each.request_id for each in predictions[::-1]]
    assert await world.ids(size=5, version="2") == []


async def test_a_prediction_that_came_in_two_messages_is_there_once(world):
    await world.policy()
    predictions = some(world, 10)
    await world.write([batch(predictions), batch(predictions[:5])])
    await world.write([batch(predictions[3:8])])
    assert await world.found() == predictions[::-1]
    await world.merge.one((await world.reads.mergeable(later(world), 2, 10))[0], over=True)
    assert await world.files() == [(1, 10)]
    assert await world.found() == predictions[::-1]


def later(world):
    return (world.clock.now() + timedelta(days=2)).date()


async def test_an_event_that_comes_again_is_written_once(world):
    await world.policy()
    first, second = batch(some(world, 3)), batch(some(world, 3, first=3))
    await world.write([first])
    assert await world.write([first, second]) == 3
    assert await world.write([first, second]) == 0
    assert await world.files() == [(0, 3), (0, 3)]


async def test_only_models_with_a_policy_and_only_the_share_of_it(world):
    await world.policy(sample_bps=5_000)
    predictions = some(world, 200)
    await world.write([batch(predictions), batch(predictions, model="other")])
    assert 60 < len(await world.found()) < 140


async def test_masked_values_are_in_no_file_whatever_inference_sent(world):
    await world.policy("age", "name")
    await world.write([batch(some(world, 1, first=7))])
    (found,) = await world.found()
    assert found.inputs["x"].tensor.data == pack("<2f", 0.0, 0.5)
    assert found.inputs["name"].tensor.data == b"\0\0\0\0"
    assert found.masked == ("age", "name")
    for each in await world.objects_there():
        content = await world.objects.get(each, limit=1_000_000)
        assert b"ann" not in content


async def test_a_policy_that_changes_while_a_file_is_written_holds_for_it(world):
    await world.policy()
    put = world.objects.put

    async def put_late(key, content, **options):
        await put(key, content, **options)
        world.objects.put = put
        await world.policy("age")

    world.objects.put = put_late
    await world.write([batch(some(world, 1, first=7))])
    assert [each.masked for each in await world.found()] == [("age",)]


async def test_a_prediction_is_found_by_its_id_and_that_of_a_command_too(world):
    await world.policy()
    predictions = some(world, 20)
    midnight = world.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    by_key = logged(world.clock.now() + 5 * SECOND, 99)
    by_key = type(by_key)(request_id(midnight, 99), *[getattr(by_key, name) for name in by_key.__slots__[1:]])
    await world.write([batch([*predictions, by_key])])
    assert await world.read.prediction(TEAM, MODEL, predictions[3].request_id) == predictions[3]
    assert await world.read.prediction(TEAM, MODEL, by_key.request_id) == by_key
    with pytest.raises(NotFound):
        await world.read.prediction(TEAM, MODEL, new_id())
    with pytest.raises(NotFound):
        await world.read.prediction("beta", MODEL, predictions[3].request_id)


async def test_lists_are_of_a_time_and_of_a_version(world):
    await world.policy()
    one, two = some(world, 10), some(world, 10, first=10, version="2")
    await world.write([batch(one), batch(two)])
    assert await world.ids(version="2") == [each.request_id for each in two[::-1]]
    chosen = {"since": one[5].answered_at, "until": two[2].answered_at}
    assert await world.ids(**chosen) == [each.request_id for each in [*one[5:], *two[:2]][::-1]]


async def test_a_token_belongs_to_its_list(world):
    await world.policy()
    await world.write([batch(some(world, 10))])
    token = (await world.read.predictions(Chosen(TEAM, MODEL), 3, "")).next_token
    with pytest.raises(InvalidArgument):
        await world.read.predictions(Chosen("beta", MODEL), 3, token)
    with pytest.raises(InvalidArgument):
        await world.read.predictions(Chosen(TEAM, MODEL, version="2"), 3, token)


async def test_small_files_become_few_and_a_day_that_is_over_one(world, monkeypatch):
    monkeypatch.setattr(merge_log, "LEAST", 3)
    await world.policy()
    predictions = some(world, 5)
    for each in predictions[:3]:
        await world.write([batch([each])])
    await world.merge()
    assert await world.files() == [(1, 3)]
    for each in predictions[3:]:
        await world.write([batch([each])])
    await world.merge()
    assert await world.files() == [(1, 3), (0, 1), (0, 1)]
    world.clock.advance(timedelta(days=2).total_seconds())
    await world.merge()
    assert await world.files() == [(2, 5)]
    assert await world.found() == predictions[::-1]


async def test_files_of_both_sides_of_midnight_lie_in_their_days(world):
    await world.policy()
    now = world.clock.now()
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    world.clock.advance((midnight - now).total_seconds() - 2)
    predictions = [logged(each, place) for place, each in enumerate(seconds(midnight - 2 * SECOND, 4))]
    await world.write([batch(predictions)])
    days = {each.split("/")[3] for each in await world.objects_there()}
    assert days == {(midnight - SECOND).date().isoformat(), midnight.date().isoformat()}
    assert await world.found() == predictions[::-1]


async def test_days_are_dropped_when_the_policy_says_so_and_their_objects_an_hour_later(world):
    await world.policy(days=2)
    await world.write([batch(some(world, 3))])
    world.clock.advance(timedelta(days=1).total_seconds())
    await world.write([batch(some(world, 3))])
    world.clock.advance(timedelta(days=2).total_seconds())
    await world.forget()
    assert len(await world.found()) == 3
    assert len(await world.objects_there()) == 2
    world.clock.advance(3_700)
    await world.forget()
    assert await world.objects_there() == await world.objects_that_count()


async def test_a_deleted_log_has_nothing_and_takes_nothing(world):
    await world.policy()
    await world.write([batch(some(world, 3))])
    await world.delete()
    assert await world.write([batch(some(world, 3, first=3))]) == 0
    assert await world.files() == []
    world.clock.advance(3_700)
    await world.forget()
    assert await world.objects_there() == set()
    with pytest.raises(NotFound):
        await world.read.policy(TEAM, MODEL)


async def test_a_file_that_is_written_while_its_log_is_deleted_is_not_part_of_one(world):
    await world.policy()
    put = world.objects.put

    async def put_late(key, content, **options):
        await put(key, content, **options)
        world.objects.put = put
        await world.delete()

    world.objects.put = put_late
    assert await world.write([batch(some(world, 1))]) == 0
    assert await world.files() == []


async def test_without_its_store_the_log_waits(world):
    await world.policy()
    put, predictions = world.objects.put, some(world, 3)

    async def away(key, content, **options):
        raise Unavailable("the object store does not answer")

    world.objects.put = away
    event = batch(predictions)
    with pytest.raises(Unavailable):
        await world.write([event])
    world.objects.put = put
    assert await world.write([event]) == 3
    assert await world.found() == predictions[::-1]


async def test_a_change_of_a_policy_expects_the_revision_that_was_read(world):
    first = await world.policy()
    assert (await world.policy("age")).revision == first.revision + 1
    with pytest.raises(Aborted):
        await world.policy(expected=first.revision)


async def test_a_label_that_comes_later_is_read_and_comes_into_the_file_before_it_is_forgotten(world):
    await world.policy(days=90)
    one, two, three = some(world, 3)
    await world.write([batch([one, two])])
    await world.write([batch([three])])
    await world.label_table(one, "late")
    assert [each.label.actual if each.label else "" for each in await world.found()] == ["", "", "late"]
    await world.label_table(three, "on_time")
    world.clock.advance(timedelta(days=59).total_seconds())
    await world.label()
    await world.label()
    await world.database.execute("DELETE FROM predictions")
    assert [each.label.actual if each.label else "" for each in await world.found()] == ["on_time", "", "late"]
    await world.merge()
    await world.label()
    assert [each.label.actual if each.label else "" for each in await world.found()] == ["on_time", "", "late"]
    assert (await world.found())[0].label.observed_at == world.clock.now() - timedelta(days=59)
