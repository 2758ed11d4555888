"""Training sets: rows of several views, each as of its own time, the same ones every time."""

import pytest
from forgepoint.featurestore.v1 import featurestore_pb2 as pb
from fp_kernel import InvalidArgument, NotFound

FLIGHTS = 40


@pytest.fixture
async def year(admin, make):
    """Features known at departure, outcomes true and known at arrival: flight i departs at 100 i, lands 250 later."""
    flights = await admin.define("flights", make.all_types)
    outcomes = await admin.define("outcomes", {"late": "BOOL", "delay": "DOUBLE"})
    rows = [
        make.values(f"f{i:03}", 100 * i, 100 * i, temp=i / 2, hour=i % 24, carrier="UA", late=False, wind=[i, 1])
        for i in range(FLIGHTS)
    ]
    await admin.write(flights, *rows)
    landed = [make.values(f"f{i:03}", 100 * i + 250, 100 * i + 250, late=i % 3 == 0, delay=i) for i in range(FLIGHTS)]
    await admin.write(outcomes, *landed)
    return flights, outcomes


def request(known, *, start=0, end=100 * FLIGHTS, make, **label):
    wanted = pb.GetTrainingSetRequest(
        feature_views=[
            pb.TrainingSetView(name="flights", feature_names=["temp", "hour"]),
            pb.TrainingSetView(name="outcomes", feature_names=["late"], required=True, **label),
        ],
        window=pb.TrainingSetWindow(name="flights", start=make.at(start), end=make.at(end)),
        known_as_of=make.at(known),
    )
    if not label:
        wanted.feature_views[1].as_of.CopyFrom(make.at(known))
    return wanted


async def test_rows_have_the_features_of_their_time_and_the_outcome_known_by_now(admin, make, year):
    head, rows = await admin.stream(request(1_000, make=make))
    assert [column.name for column in head.columns] == ["temp", "hour", "late"]
    assert head.known_as_of == make.at(1_000)
    # Flight 7 departs at 700 and lands at 950; the eighth is still in the air.
    assert list(rows.entity_ids) == [f"f{i:03}" for i in range(8)]
    assert list(rows.values[0].doubles) == [i / 2 for i in range(8)]
    assert list(rows.values[1].integers) == list(range(8))
    assert list(rows.values[2].bools) == [i % 3 == 0 for i in range(8)]
    assert rows.as_of_micros[1] - rows.as_of_micros[0] == 100_000_000


async def test_no_label_from_the_future_is_in_a_set(admin, make, year):
    for known in (200, 1_000, 2_345, 3_999):
        parts = await admin.stream(request(known, make=make))
        learned = [entity for part in parts[1:] for entity in part.entity_ids]
        assert learned == [f"f{i:03}" for i in range(FLIGHTS) if 100 * i + 250 <= known]


async def test_a_label_read_as_of_the_departure_is_not_there(admin, make, year):
    assert len(await admin.stream(request(3_000, make=make, known_later=True))) == 1


async def test_a_set_is_byte_for_byte_the_same_when_it_is_built_later(admin, make, year):
    flights, outcomes = year
    wanted = request(2_000, make=make)
    wanted.feature_views[0].ClearField("feature_names")
    before = [part.SerializeToString() for part in await admin.stream(wanted)]
    await admin.write(flights, make.values("f003", 300, temp=99), make.values("new", 310, temp=98))
    await admin.write(outcomes, make.values("f003", 550, late=True))
    await admin.stream(pb.RebuildViewsRequest())
    assert [part.SerializeToString() for part in await admin.stream(wanted)] == before


async def test_a_set_at_a_version_of_the_log_does_not_even_see_a_backfill(admin, make, year):
    flights, _ = year
    wanted = request(2_000, make=make)
    wanted.feature_views[0].through_version = wanted.window.through_version = 2
    wanted.feature_views[1].through_version = 2
    before = await admin.stream(wanted)
    await admin.write(flights, make.values("f003", 300, 300, temp=99), make.values("new", 310, 310, temp=98))
    assert await admin.stream(wanted) == before


async def test_a_row_sees_what_was_known_at_its_own_time(admin, make, year):
    flights, _ = year
    await admin.write(flights, make.values("f003", 299, 299, temp=70), make.values("f003", 300, 400, temp=71))
    wanted = pb.GetTrainingSetRequest(
        feature_views=[pb.TrainingSetView(name="flights", feature_names=["temp"])], known_as_of=make.at(2_000)
    )
    for entity, at in (("f003", 300), ("f003", 299.5), ("f003", 350), ("f003", 450), ("f003", 1), ("nobody", 9)):
        wanted.pairs.entity_ids.append(entity)
        wanted.pairs.as_of_micros.append(make.at(at).ToMicroseconds())
    _, rows = await admin.stream(wanted)
    assert list(rows.values[0].doubles) == [1.5, 70, 1.5, 71, 0, 0]
    assert list(rows.values[0].missing) == [4, 5]
    wanted.feature_views[0].known_later = True
    _, rows = await admin.stream(wanted)
    assert list(rows.values[0].doubles) == [71, 70, 71, 71, 0, 0]


async def test_training_does_not_see_what_serving_would_not_have(admin, make):
    request_of_view = make.definition("flights")
    request_of_view.online_ttl.FromSeconds(100)
    view = (await admin(request_of_view)).feature_view
    await admin.write(view, make.values("a", 10, 10, temp=1), make.values("a", 200, 200, temp=2))
    wanted = pb.GetTrainingSetRequest(
        feature_views=[pb.TrainingSetView(name="flights", feature_names=["temp"])], known_as_of=make.at(2_000)
    )
    times = (50, 109, 110, 199, 200, 299, 300)
    wanted.pairs.entity_ids.extend(["a"] * len(times))
    wanted.pairs.as_of_micros.extend(make.at(at).ToMicroseconds() for at in times)
    _, rows = await admin.stream(wanted)
    assert list(rows.values[0].doubles) == [1, 1, 0, 0, 2, 2, 0]
    assert list(rows.values[0].missing) == [2, 3, 6]
    past = [await admin.past(view, at, "a", known=1_000) for at in (109, 110)]
    assert past == [{"a": {"temp": 1}}, {}]
    # Labels are read at one time for all, and nothing serves them.
    wanted.feature_views[0].as_of.CopyFrom(make.at(1_000))
    _, rows = await admin.stream(wanted)
    assert list(rows.values[0].doubles) == [2] * len(times)


async def test_more_pairs_than_before_are_read_with_one_fence(admin, make, year):
    wanted = pb.GetTrainingSetRequest(
        feature_views=[pb.TrainingSetView(name="flights", feature_names=["temp"])], known_as_of=make.at(2_000)
    )
    wanted.pairs.entity_ids.extend(["f003"] * 12_000)
    wanted.pairs.as_of_micros.extend([make.at(300).ToMicroseconds()] * 12_000)
    _, *parts = await admin.stream(wanted)
    assert sum(len(part.entity_ids) for part in parts) == 12_000
    assert {number for part in parts for number in part.values[0].doubles} == {1.5}


async def test_every_type_has_its_column(admin, make):
    view = await admin.define("all", make.all_types)
    more = {"b": 1, "a": [True, None]}
    await admin.write(
        view,
        make.values("a", 1, 1, temp=1, hour=2, carrier="ü", late=True, landed="2013-01-01T00:00:00.5Z", wind=[1, 2]),
        make.values("b", 1, 1, more=more),
    )
    wanted = pb.GetTrainingSetRequest(feature_views=[pb.TrainingSetView(name="all")], known_as_of=make.at(5))
    wanted.pairs.entity_ids.extend(["a", "b"])
    wanted.pairs.as_of_micros.extend([make.at(5).ToMicroseconds()] * 2)
    head, rows = await admin.stream(wanted)
    read = {column.name: values for column, values in zip(head.columns, rows.values, strict=True)}
    assert list(read["temp"].doubles) == [1, 0]
    assert list(read["hour"].integers) == [2, 0]
    assert list(read["carrier"].strings) == ["ü", ""]
    assert list(read["late"].bools) == [True, False]
    assert list(read["landed"].integers) == [1_356_998_400_500_000, 0]
    assert (list(read["wind"].doubles), list(read["wind"].lengths)) == ([1, 2], [2, 0])
    assert (list(read["more"].strings), list(read["more"].missing)) == (["", '{"a":[true,null],"b":1.0}'], [0])


async def test_a_time_of_knowledge_in_the_future_is_read_as_now(admin, make, year):
    head, *_ = await admin.stream(request(10**9, make=make))
    assert head.known_as_of.seconds < make.at(10**9).seconds


async def test_jobs_build_training_sets_and_other_teams_do_not(store, make, year):
    assert len(await store.job().stream(request(1_000, make=make))) == 2
    with pytest.raises(NotFound):
        await store.job("beta").stream(request(1_000, make=make))


BAD = [
    (lambda r: r.ClearField("feature_views"), "feature_views"),
    (lambda r: r.ClearField("known_as_of"), "known_as_of"),
    (lambda r: r.ClearField("window"), "pairs"),
    (lambda r: r.window.ClearField("end"), "window.end"),
    (lambda r: r.window.end.CopyFrom(r.window.start), "window.end"),
    (lambda r: r.window.ClearField("name"), "window.feature_view_id"),
    (lambda r: r.pairs.entity_ids.append("a"), "pairs.as_of_micros"),
    (lambda r: r.pairs.SetInParent(), "pairs.entity_ids"),
    (lambda r: r.feature_views[1].ClearField("name"), r"feature_views[1].feature_view_id"),
    (lambda r: r.feature_views[0].feature_names.append("no"), r"feature_views[0].feature_names[2]"),
    (lambda r: setattr(r.feature_views[0], "through_version", -1), r"feature_views[0].through_version"),
    (lambda r: setattr(r.feature_views[0], "name", "a\0b"), r"feature_views[0].name"),
    (lambda r: setattr(r.window, "name", "a\0b"), "window.name"),
]


async def test_a_bad_request_is_told_by_its_field(admin, make, year):
    for change, field in BAD:
        wanted = request(1_000, make=make)
        change(wanted)
        with pytest.raises(InvalidArgument) as refused:
            await admin.stream(wanted)
        assert [violation.field for violation in refused.value.fields] == [field]
