"""What clients hear of input that is not right; nothing of it is written."""

import pytest
from forgepoint.featurestore.v1 import featurestore_pb2 as pb
from fp_kernel import InvalidArgument


def rows(make, count):
    return [make.values(f"e{number}", 1, temp=number) for number in range(count)]


SPOILT = [
    (lambda row: row.values["temp"].ParseFromString(b"\x1a\x01x"), "features[3].values[temp]"),
    (lambda row: row.values["no"].ParseFromString(b"\x20\x01"), "features[3].values[no]"),
    (lambda row: setattr(row.values["temp"], "number_value", float("nan")), "features[3].values[temp]"),
    (lambda row: row.ClearField("values"), "features[3].values"),
    (lambda row: row.ClearField("entity_id"), "features[3].entity_id"),
    (lambda row: setattr(row, "entity_id", "x" * 257), "features[3].entity_id"),
    (lambda row: setattr(row, "entity_id", "a\0b"), "features[3].entity_id"),
    (lambda row: setattr(row.event_time, "seconds", 10**12), "features[3].event_time"),
    (lambda row: setattr(row.event_time, "seconds", 10**10), "features[3].event_time"),
    (lambda row: setattr(row.available_at, "seconds", 10**10), "features[3].available_at"),
    (lambda row: setattr(row.available_at, "nanos", -1), "features[3].available_at"),
]


async def test_one_bad_row_refuses_them_all_by_its_field(admin, make):
    view = await admin.define()
    for spoil, field in SPOILT:
        given = rows(make, 5)
        spoil(given[3])
        with pytest.raises(InvalidArgument) as refused:
            await admin.write(view, *given)
        assert [violation.field for violation in refused.value.fields] == [field]
    assert (await admin(pb.GetFeatureViewRequest(name="flights"))).feature_view.version == 1
    assert await admin.online(view, "e0") == {}


async def test_a_write_has_one_to_a_thousand_rows(admin, make):
    view = await admin.define()
    for count in (0, 1_001):
        with pytest.raises(InvalidArgument, match=r"^features: "):
            await admin.write(view, *rows(make, count))
    assert (await admin.write(view, *rows(make, 1_000))).written_count == 1_000


def online(view, **more):
    return pb.GetOnlineFeaturesRequest(**{"feature_view_id": view.id, "entity_ids": ["a"]} | more)


def past(view, make, **more):
    given = {"feature_view_id": view.id, "entity_ids": ["a"], "as_of": make.at(1)} | more
    return pb.GetHistoricalFeaturesRequest(**given)


BAD = [
    (lambda view, _: online(view, feature_view_id="x"), "feature_view_id"),
    (lambda view, _: online(view, entity_ids=[]), "entity_ids"),
    (lambda view, _: online(view, entity_ids=["a"] * 1_001), "entity_ids"),
    (lambda view, _: online(view, entity_ids=["a", ""]), "entity_ids[1]"),
    (lambda view, _: online(view, feature_names=["temp", "no"]), "feature_names[1]"),
    (lambda view, make: past(view, make, as_of=None), "as_of"),
    (lambda view, make: past(view, make, entity_ids=[]), "entity_ids"),
    (lambda view, make: past(view, make, pagination={"page_token": "x"}), "pagination.page_token"),
    (lambda view, make: past(view, make, pagination={"page_size": -1}), "pagination.page_size"),
    (lambda _view, _make: pb.GetFeatureViewRequest(), "feature_view_id"),
    (lambda _view, _make: pb.ListFeatureViewsRequest(name_filter="\n"), "name_filter"),
    (lambda _view, _make: pb.DeleteFeatureViewRequest(feature_view_id="x"), "feature_view_id"),
    (lambda _, make: make.definition(types={"a": "UNSPECIFIED"}), "features[0].value_type"),
    (lambda _, make: make.definition("a\0b"), "name"),
    (lambda _view, _make: pb.GetFeatureViewRequest(name="a\0b"), "name"),
    (lambda view, _: online(view, entity_ids=["a\0b"]), "entity_ids[0]"),
    (lambda _view, _make: pb.ListFeatureViewsRequest(name_filter="a\0b"), "name_filter"),
    (lambda _, make: make.definition(online_ttl={"seconds": 10**12}), "online_ttl"),
]


async def test_a_bad_request_is_told_by_its_field(admin, make):
    view = await admin.define("flights")
    for request_of, field in BAD:
        with pytest.raises(InvalidArgument) as refused:
            await admin(request_of(view, make))
        assert [violation.field for violation in refused.value.fields] == [field]


async def test_a_rebuild_of_an_unknown_target_is_refused(admin):
    with pytest.raises(InvalidArgument, match="target"):
        await admin.stream(pb.RebuildViewsRequest(target=9))
