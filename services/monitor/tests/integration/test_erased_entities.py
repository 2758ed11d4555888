"""All predictions about somebody are erased: in no answer at once, soon in no file, and none comes back."""

from collections.abc import AsyncIterator
from datetime import timedelta
from struct import pack

import pytest
from fp_kernel import InvalidArgument, NotFound, ResourceExhausted
from fp_kernel.tensors import ElementType, Tensor
from fp_monitor.app import set_log
from fp_monitor.domain.entities import MAX_VALUE, concerns, erased_entity
from fp_monitor.domain.log import LoggedTensor
from prediction_logs import MODEL, TEAM, LogWorld, batch, log_world, some

OTHER = "later"


@pytest.fixture
async def world(database, s3, clock) -> AsyncIterator[LogWorld]:
    async with log_world(database, s3, clock) as opened:
        yield opened


def tensor(element: ElementType, shape: tuple[int, ...], data: bytes, *columns: str) -> LoggedTensor:
    return LoggedTensor(Tensor(element, shape, data), columns)


INPUTS = {
    "customer": tensor(ElementType.INT64, (2,), pack("<2q", 7, 9_007_199_254_740_993)),
    "name": tensor(ElementType.STRING, (2, 1), b"\x03\0\0\0ann\x03\0\0\0bob"),
    "x": tensor(ElementType.FLOAT32, (2, 3), pack("<6f", 42, 0.5, 1, 43, 2.25, 1), "account", "share"),
    "strange": tensor(ElementType.FLOAT64, (1,), pack("<d", float("inf"))),
}


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("customer", "7", True),
        ("customer", "9007199254740993", True),
        ("customer", "9007199254740992", False),
        ("customer", "42", False),
        ("name", "bob", True),
        ("name", "bo", False),
        ("account", "43", True),
        ("account", "43.0", False),
        ("share", "2.25", True),
        ("share", "1", False),
        ("x", "1", True),
        ("strange", "inf", True),
        ("nothing", "7", False),
    ],
)
def test_whom_a_prediction_is_about_is_said_by_any_of_its_rows(name, value, found):
    assert concerns(INPUTS, (), [erased_entity("nobody", "7"), erased_entity(name, value)]) is found


@pytest.mark.parametrize(
    ("element", "data"),
    [
        (ElementType.FLOAT32, pack("<f", 0.1)),
        (ElementType.FLOAT64, pack("<d", 0.1)),
        (ElementType.FLOAT16, pack("<e", 0.1)),
        (ElementType.BFLOAT16, pack("<H", 0x3DCD)),
    ],
)
def test_a_fraction_is_what_people_write_of_it_whatever_its_type(element, data):
    inputs = {"share": tensor(element, (1,), data)}
    assert concerns(inputs, (), [erased_entity("share", "0.1")])
    assert concerns(inputs, (), [erased_entity("share", repr(inputs["share"].tensor.number(0)))])
    assert not concerns(inputs, (), [erased_entity("share", "0.11")])


def test_a_text_is_not_somebody_whose_name_it_begins_with():
    text = {"name": tensor(ElementType.STRING, (1,), pack("<I", MAX_VALUE + 1) + b"a" * (MAX_VALUE + 1))}
    assert not concerns(text, (), [erased_entity("name", "a" * MAX_VALUE)])


@pytest.mark.parametrize(("name", "value"), [("", "7"), ("customer", ""), ("x" * 257, "7"), ("customer", "a\0b")])
def test_whom_nobody_can_be_is_refused(name, value):
    with pytest.raises(InvalidArgument, match="entity"):
        erased_entity(name, value)


async def test_all_about_somebody_is_in_no_answer_at_once_and_soon_in_no_file(world):
    await world.policy()
    await world.policy(model=OTHER)
    predictions = some(world, 6)
    await world.write([batch(predictions[:3])])
    await world.write([batch(predictions[3:])])
    await world.write([batch(predictions, model=OTHER)])
    await world.erase_entity("age", "4")
    left = [each for each in predictions if each is not predictions[4]]
    assert await world.found() == left[::-1]
    with pytest.raises(NotFound):
        await world.read.prediction(TEAM, MODEL, predictions[4].request_id)
    assert len(await world.stored()) == 6
    await world.erase_entities()
    await world.database.execute("DELETE FROM log_files WHERE model_name = $1", OTHER)
    assert await world.stored() == {each.request_id for each in left}
    assert await world.found() == left[::-1]
    assert await world.entities.to_rewrite(("", "")) is None


async def test_masked_values_are_nobodys_though_zeros_stand_for_them(world):
    await world.policy("age")
    await world.write([batch(some(world, 3))])
    await world.erase_entity("age", "0")
    await world.erase_entities()
    assert await world.write([batch(await world.found())]) == 3
    assert len(await world.stored()) == 3
    assert len(await world.found()) == 3


async def test_what_comes_about_somebody_who_was_erased_is_not_stored_for_as_long_as_an_event_may_come_again(world):
    await world.policy()
    await world.erase_entity("name", "ann")
    await world.erase_entities()
    assert await world.write([batch(some(world, 3))]) == 0
    world.clock.advance(timedelta(days=4).total_seconds())
    await world.forget()
    assert await world.write([batch(some(world, 3))]) == 3, "a customer may come again"


async def test_a_file_that_is_written_during_an_erasure_has_nothing_of_it(world):
    await world.policy()
    put = world.objects.put

    async def put_late(key, content, **options):
        await put(key, content, **options)
        world.objects.put = put
        await world.erase_entity("age", "1")

    world.objects.put = put_late
    assert await world.write([batch(some(world, 3))]) == 2
    await world.erase_entities()
    assert len(await world.stored()) == 2


async def test_files_that_were_looked_at_are_not_read_again_and_merging_forgets_none_that_was_not(world):
    await world.policy()
    for each in some(world, 4):
        await world.write([batch([each])])
    await world.erase_entity("age", "1")
    get, read = world.objects.get, []

    async def noted(key, *, limit):
        read.append(key)
        return await get(key, limit=limit)

    world.objects.get = noted
    await world.erase_entities()
    assert len(read) == 5, "each once, and the one that has it again to be written anew"
    await world.erase_entities()
    assert len(read) == 5
    await world.write([batch(some(world, 1, first=9))])
    await world.erase_entity("age", "9")
    world.clock.advance(timedelta(days=2).total_seconds())
    await world.merge()
    assert await world.files() == [(1, 4)]
    await world.erase_entities()
    assert await world.files() == [(1, 3)]


async def test_lost_and_damaged_files_hold_no_other_model_up(world):
    await world.policy()
    await world.policy(model=OTHER)
    await world.write([batch(some(world, 1))])
    await world.objects.delete([*await world.objects_there()])
    await world.write([batch(some(world, 1, first=1))])
    await world.damage(*(await world.objects_there() & await world.objects_that_count()))
    await world.write([batch(some(world, 2, first=2), model=OTHER)])
    await world.erase_entity("age", "1")
    await world.erase_entity("age", "2", model=OTHER)
    await world.erase_entities()
    assert len(await world.stored()) == 1
    assert await world.files() == [(0, 1), (0, 1)], "the lost one may be found; of the damaged one nobody knows"


async def test_erasures_at_a_time_have_an_end_and_a_model_without_a_log_has_none(world, monkeypatch):
    monkeypatch.setattr(set_log, "MOST_ENTITIES", 1)
    with pytest.raises(NotFound):
        await world.erase_entity("age", "1")
    await world.policy()
    await world.erase_entity("age", "1")
    with pytest.raises(ResourceExhausted):
        await world.erase_entity("age", "2")
