"""What clients see, from the definition of a view to what is read of it."""

import pytest
from forgepoint.featurestore.v1 import featurestore_pb2 as pb
from fp_kernel import Aborted, FailedPrecondition, InvalidArgument, NotFound, PermissionDenied, new_id
from fp_testkit.wallclock import real_now

EVERYTHING = {
    "temp": 12.5,
    "hour": 7.0,
    "carrier": "UA",
    "late": True,
    "landed": "2013-02-01T10:00:00Z",
    "wind": [1.0, 2.0],
    "more": {"gate": "B4", "seats": [1.0, None, {"row": True}]},
}


async def test_a_view_can_be_defined_and_found(ann, make):
    view = await ann.define("flights", make.all_types, description="departures")
    assert (view.name, view.schema_version, view.version, view.owner_team) == ("flights", 1, 1, "alpha")
    by_id = await ann(pb.GetFeatureViewRequest(feature_view_id=view.id))
    by_name = await ann(pb.GetFeatureViewRequest(name="flights"))
    assert by_id.feature_view == by_name.feature_view == view


async def test_a_view_defined_twice_alike_is_one(ann):
    assert await ann.define() == await ann.define()


async def test_a_view_defined_anew_has_a_new_schema_and_its_old_rows_stay_readable(ann, make):
    view = await ann.define(types={"temp": "DOUBLE", "carrier": "STRING"})
    await ann.write(view, make.values("a", 1, temp=1, carrier="UA"))
    changed = await ann.define(types={"hour": "INT64", "temp": "DOUBLE"})
    assert (changed.id, changed.schema_version, changed.version) == (view.id, 2, 3)
    await ann.write(view, make.values("b", 1, temp=2, hour=5))
    assert await ann.online(view, "a", "b") == {"a": {"temp": 1}, "b": {"temp": 2, "hour": 5}}
    with pytest.raises(InvalidArgument, match=r"features\[0\]\.values\[carrier\]: is not a feature"):
        await ann.write(view, make.values("c", carrier="UA"))


async def test_who_did_not_see_the_last_definition_of_a_view_overwrites_nothing(ann, make):
    def wanted(expected, **facts):
        request = make.definition(**facts)
        request.expected_revision = expected
        return request

    made = (await ann(wanted(0))).feature_view
    await ann.write(made, make.values("a", 1, temp=1))
    written = (await ann(pb.GetFeatureViewRequest(name=made.name))).feature_view
    assert written.revision == made.revision, "what is written of entities is no change of the view"
    with pytest.raises(Aborted, match="was made meanwhile"):
        await ann(wanted(0, description="stale"))
    changed = (await ann(wanted(made.revision, description="new"))).feature_view
    assert changed.revision > made.revision
    with pytest.raises(Aborted) as caught:
        await ann(wanted(made.revision, description="stale"))
    assert (caught.value.reason, caught.value.metadata["changed_by"]) == ("REVISION_CHANGED", made.owner_user_id)
    found = (await ann(pb.GetFeatureViewRequest(name=made.name))).feature_view
    assert (found.description, found.revision) == ("new", changed.revision)
    with pytest.raises(Aborted, match="was changed meanwhile"):
        await ann(pb.DeleteFeatureViewRequest(feature_view_id=made.id, expected_revision=made.revision))
    await ann(pb.DeleteFeatureViewRequest(feature_view_id=made.id, expected_revision=changed.revision))
    with pytest.raises(NotFound):
        await ann(pb.GetFeatureViewRequest(name=made.name))


async def test_a_feature_never_changes_its_type(ann):
    await ann.define(types={"temp": "DOUBLE"})
    await ann.define(types={"hour": "INT64"})
    with pytest.raises(InvalidArgument, match=r"features\[1\]\.value_type: temp is or was DOUBLE"):
        await ann.define(types={"hour": "INT64", "temp": "STRING"})


async def test_the_entity_of_a_view_stays(ann, make):
    await ann.define()
    other = make.definition()
    other.entity.join_key = "tail_number"
    with pytest.raises(FailedPrecondition):
        await ann(other)


async def test_views_are_listed_newest_first_in_pages(ann):
    names = [(await ann.define(f"view{number}")).name for number in range(5)]
    await ann.define("other")
    request = pb.ListFeatureViewsRequest(name_filter="VIEW")
    request.pagination.page_size = 2
    found = []
    while True:
        page = await ann(request)
        found += [view.name for view in page.feature_views]
        if not page.pagination.next_page_token:
            break
        request.pagination.page_token = page.pagination.next_page_token
    assert found == names[::-1]


async def test_a_search_finds_the_rare_view_though_each_page_looks_at_few_names(ann, monkeypatch):
    monkeypatch.setattr("fp_featurestore.adapters.postgres.views._LOOKED_AT", 2)
    await ann.define("Rare")
    for number in range(5):
        await ann.define(f"view{number}")
    request = pb.ListFeatureViewsRequest(name_filter="rare")
    pages = []
    while True:
        page = await ann(request)
        pages.append([view.name for view in page.feature_views])
        if not page.pagination.next_page_token:
            break
        request.pagination.page_token = page.pagination.next_page_token
    assert [name for names in pages for name in names] == ["Rare"]
    assert pages[0] == [], "the first names that were looked at have none"


async def test_what_is_written_is_read_online_and_in_the_past(ann, make):
    view = await ann.define("flights", make.all_types)
    written = await ann.write(view, make.values("a", 10, **EVERYTHING), make.values("b", 10, temp=1))
    assert (written.written_count, written.written_through_version) == (2, 2)
    assert await ann.online(view, "a", "b", "c") == {"a": EVERYTHING, "b": {"temp": 1}}
    assert await ann.online(view, "a", names=["hour", "late"]) == {"a": {"hour": 7, "late": True}}
    assert await ann.past(view, 10, "a", known=1e9) == {"a": EVERYTHING}
    assert await ann.past(view, 9, "a", known=1e9) == {}


async def test_the_newest_event_time_wins_online_whatever_came_last(ann, make):
    view = await ann.define()
    await ann.write(view, make.values("a", 20, temp=20))
    await ann.write(view, make.values("a", 10, temp=10))
    assert await ann.online(view, "a") == {"a": {"temp": 20}}
    await ann.write(view, make.values("a", 20, temp=21), make.values("a", 20, temp=22))
    assert await ann.online(view, "a") == {"a": {"temp": 22}}
    assert await ann.past(view, 30, "a", known=1e9) == {"a": {"temp": 22}}


async def test_the_past_shows_only_what_was_true_and_known_by_then(admin, make):
    view = await admin.define()
    await admin.write(view, make.values("a", 10, 10, temp=1), make.values("a", 20, 50, temp=2))
    await admin.write(view, make.values("a", 10, 30, temp=3))
    past = [
        (await admin.past(view, as_of, "a", known=known))
        for as_of, known in ((9, 90), (10, 10), (10, 30), (25, 49), (25, 50))
    ]
    assert past == [{}, {"a": {"temp": 1}}, {"a": {"temp": 3}}, {"a": {"temp": 3}}, {"a": {"temp": 2}}]
    assert await admin.past(view, 25, "a") == {"a": {"temp": 1}}


async def test_a_vector_tells_where_its_values_come_from(admin, make):
    view = await admin.define()
    await admin.write(view, make.values("a", 10, 30, temp=1))
    read = await admin(pb.GetOnlineFeaturesRequest(feature_view_id=view.id, entity_ids=["b", "a", "b"]))
    (vector,) = read.vectors
    assert (vector.event_time, vector.available_at) == (make.at(10), make.at(30))
    assert (vector.as_of_version, vector.schema_version, list(read.missing_entity_ids)) == (2, 1, ["b"])


async def test_only_an_administrator_says_since_when_values_were_known(ann, make):
    view = await ann.define()
    with pytest.raises(PermissionDenied, match="features:admin"):
        await ann.write(view, make.values("a", 10, 30, temp=1))


async def test_a_key_writes_once(ann, make):
    view = await ann.define()
    first = await ann.write(view, make.values("a", 1, temp=1), key="k")
    again = await ann.write(view, make.values("a", 1, temp=1), key="k")
    assert first == again
    with pytest.raises(InvalidArgument, match="idempotency_key"):
        await ann.write(view, make.values("a", 1, temp=2), key="k")
    assert (await ann(pb.GetFeatureViewRequest(name="flights"))).feature_view.version == 2


async def test_historical_reads_come_in_pages(ann, make):
    view = await ann.define()
    await ann.write(view, *(make.values(f"e{number}", 1, temp=number) for number in range(7)))
    ids = [f"e{number}" for number in range(8)]
    request = pb.GetHistoricalFeaturesRequest(feature_view_id=view.id, entity_ids=ids, as_of=make.at(5))
    request.known_as_of.FromDatetime(real_now())
    assert len((await ann(request)).vectors) == 7
    request.pagination.page_size = 3
    found, missing = [], []
    while True:
        page = await ann(request)
        found += [vector.entity_id for vector in page.vectors]
        missing += page.missing_entity_ids
        if not page.pagination.next_page_token:
            break
        request.pagination.page_token = page.pagination.next_page_token
    assert (found, missing) == (ids[:7], ids[7:])


async def test_a_deleted_view_is_gone_and_its_name_is_free(ann, make):
    view = await ann.define()
    await ann.write(view, make.values("a", 1, temp=1))
    deleted = (await ann(pb.DeleteFeatureViewRequest(feature_view_id=view.id))).feature_view
    assert deleted.HasField("deleted_at")
    assert (await ann(pb.GetFeatureViewRequest(feature_view_id=view.id))).feature_view == deleted
    for refused in (ann.online(view, "a"), ann.past(view, 5, "a"), ann.write(view, make.values("a", temp=1))):
        with pytest.raises(NotFound):
            await refused
    again = await ann.define()
    assert (again.id != view.id, again.version) == (True, 1)


@pytest.mark.real_time  # a row without a time is of the database's: what is known when has one clock for all replicas
async def test_values_live_online_for_as_long_as_the_view_says(ann, make):
    request = make.definition()
    request.online_ttl.FromSeconds(3_600)
    view = (await ann(request)).feature_view
    await ann.write(view, make.values("old", 1, temp=1), make.values("new", temp=2))
    assert await ann.online(view, "old", "new") == {"new": {"temp": 2}}
    assert await ann.past(view, 5, "old", known=1e9) == {"old": {"temp": 1}}


async def test_a_row_replaces_the_whole_row_of_its_entity(ann, make):
    view = await ann.define()
    await ann.write(view, make.values("a", 1, temp=1, carrier="UA"))
    await ann.write(view, make.values("a", 2, temp=2))
    assert await ann.online(view, "a") == {"a": {"temp": 2}}
    assert await ann.past(view, 5, "a", known=1e9) == {"a": {"temp": 2}}


async def test_definitions_and_writes_are_told(ann, make, events_until):
    view = await ann.define()
    await ann.write(view, make.values("a", 1, temp=1), make.values("b", 1, temp=1))
    defined, written = await events_until("fp.features.written")
    assert (defined.type, defined.payload.schema_version) == ("fp.features.view.defined", 1)
    assert (defined.resource_id, defined.team, defined.sequence) == (view.id, "alpha", 1)
    assert (list(written.payload.entity_ids), written.payload.written_through_version) == (["a", "b"], 2)
    assert written.sequence == 2


async def test_another_team_finds_nothing(store, ann, make):
    view = await ann.define()
    bob = store.admin("beta")
    for refused in (
        bob(pb.GetFeatureViewRequest(feature_view_id=view.id)),
        bob.online(view, "a"),
        bob.past(view, 5, "a"),
        bob.write(view, make.values("a", temp=1)),
        bob(pb.DeleteFeatureViewRequest(feature_view_id=view.id)),
        bob.stream(pb.RebuildViewsRequest(feature_view_id=view.id)),
        bob(pb.GetFeatureViewRequest(feature_view_id=new_id())),
    ):
        with pytest.raises(NotFound):
            await refused


async def test_jobs_and_viewers_read_and_do_not_write(store, ann, make):
    view = await ann.define()
    await ann.write(view, make.values("a", 1, temp=1))
    for reader in (store.job(), store.viewer()):
        assert await reader.online(view, "a") == {"a": {"temp": 1}}
        for refused in (reader.write(view, make.values("a", temp=1)), reader.define("other")):
            with pytest.raises(PermissionDenied):
                await refused
    with pytest.raises(PermissionDenied):
        await ann.stream(pb.RebuildViewsRequest())
