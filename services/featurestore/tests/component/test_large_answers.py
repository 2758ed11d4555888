"""Wide rows: in parts where there are parts, refused where there is one answer; and converted beside the event loop."""

import threading

import pytest
from forgepoint.featurestore.v1 import featurestore_pb2 as pb
from fp_featurestore.api import convert, packed
from fp_kernel import InvalidArgument
from fp_testkit.wallclock import real_now

WIDE = {"wind": "DOUBLE_LIST"}


async def embedded(admin, make, count):
    request = make.definition("wide", WIDE)
    request.features[0].dimension = 768
    view = (await admin(request)).feature_view
    rows = [make.values(f"e{number:03}", 1, 1, wind=[float(number)] * 768) for number in range(count)]
    for start in range(0, count, 100):
        await admin.write(view, *rows[start : start + 100])
    return view


async def test_a_training_set_of_embeddings_comes_in_messages_that_every_client_takes(admin, make):
    view = await embedded(admin, make, 400)
    wanted = pb.GetTrainingSetRequest(
        feature_views=[pb.TrainingSetView(feature_view_id=view.id)],
        window=pb.TrainingSetWindow(feature_view_id=view.id, start=make.at(0), end=make.at(2)),
        known_as_of=make.at(5),
    )
    _, *parts = await admin.stream(wanted)
    assert len(parts) > 1
    assert all(part.ByteSize() < 1_100_000 for part in parts)
    assert [entity for part in parts for entity in part.entity_ids] == [f"e{number:03}" for number in range(400)]
    assert [part.values[0].doubles[0] for part in parts] == [float(part.entity_ids[0][1:]) for part in parts]


async def test_an_answer_that_no_client_takes_is_refused_by_its_entities(admin, make):
    view = await embedded(admin, make, 500)
    ids = [f"e{number:03}" for number in range(500)]
    assert len(await admin.online(view, *ids[:400])) == 400
    past = pb.GetHistoricalFeaturesRequest(feature_view_id=view.id, entity_ids=ids, as_of=make.at(5))
    past.known_as_of.FromDatetime(real_now())
    for refused in (admin.online(view, *ids), admin(past)):
        with pytest.raises(InvalidArgument, match="entity_ids: have more than 4000000 bytes"):
            await refused


async def test_large_writes_and_answers_are_converted_beside_the_event_loop(admin, make, monkeypatch):
    seen = set()

    def noted(work):
        def convert_one(*arguments):
            seen.add((work.__name__, threading.current_thread() is threading.main_thread()))
            return work(*arguments)

        return convert_one

    monkeypatch.setattr(convert, "_row", noted(convert._row))
    monkeypatch.setattr(packed, "_fields", noted(packed._fields))
    view = await admin.define("many", {f"f{number}": "DOUBLE" for number in range(50)})
    rows = [make.values(f"e{n}", 1, **{f"f{number}": 1.5 for number in range(50)}) for n in range(100)]
    await admin.write(view, *rows)
    assert len(await admin.online(view, *(row.entity_id for row in rows))) == 100
    assert seen == {("_row", False), ("_fields", False)}
    await admin.write(view, rows[0])
    await admin.online(view, "e0")
    assert {("_row", True), ("_fields", True)} < seen
