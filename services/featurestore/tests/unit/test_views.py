"""Views as their logs make them."""

from dataclasses import replace

import pytest
from fp_featurestore.domain.features import Definition, Entity, Feature, ValueType
from fp_featurestore.domain.log import FeaturesWritten, ViewDefined, ViewDeleted, define, evolve, remade, replay
from fp_featurestore.domain.rows import MAX_AHEAD, NewRow, timed
from fp_featurestore.domain.view import check_definition
from fp_kernel import InvalidArgument
from hypothesis import given
from hypothesis import strategies as st

WHO = ("view", "alpha")


def events(choices, defined):
    """A log whose events the choices pick."""
    log = [ViewDefined("view", 1, "alpha", 1, "ann", defined())]
    for version, choice in enumerate(choices, 2):
        if choice == "write":
            log.append(FeaturesWritten("view", version, "alpha", version, "bob", 3))
        elif choice == "delete":
            log.append(ViewDeleted("view", version, "alpha", version, "ann"))
        else:
            log.append(ViewDefined("view", version, "alpha", version, "ann", defined(**{choice: "DOUBLE"})))
    return log


@given(st.lists(st.sampled_from(["write", "delete", "temp", "hour"]), max_size=8))
def test_a_view_is_remade_from_what_is_no_write(defined, choices):
    log = events(choices, defined)
    changes = [event for event in log if not isinstance(event, FeaturesWritten)]
    assert remade(changes, version=log[-1].version, at=log[-1].at) == replay(log)


def test_a_gap_in_the_log_is_an_error(defined):
    first, _, third = events(["write", "write"], defined)
    with pytest.raises(ValueError, match="does not follow"):
        replay([first, third])


def test_a_log_begins_with_a_definition():
    with pytest.raises(ValueError, match="begin with its definition"):
        evolve(None, FeaturesWritten("view", 1, "alpha", 1, "bob", 3))


def test_the_same_features_are_the_same_schema(defined):
    view = replay(events(["temp"], defined))
    assert (view.schema_version, view.version) == (1, 2)
    assert replay(events(["hour", "temp"], defined)).schema_version == 3


GOOD = Definition("flights", Entity("flight", "flight_id"), (Feature("temp", ValueType.DOUBLE),))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a/b"}, "name"),
        ({"name": "a" * 129}, "name"),
        ({"description": "\0"}, "description"),
        ({"entity": Entity("", "id")}, "entity.name"),
        ({"entity": Entity("flight", "")}, "entity.join_key"),
        ({"features": ()}, "features"),
        ({"features": GOOD.features * 2}, r"features[1].name"),
        ({"features": (Feature("a b", ValueType.BOOL),)}, r"features[0].name"),
        ({"features": (Feature("a", ValueType.BOOL, dimension=3),)}, r"features[0].dimension"),
        ({"features": (Feature("a", ValueType.DOUBLE_LIST, dimension=-1),)}, r"features[0].dimension"),
        ({"online_ttl": -1}, "online_ttl"),
    ],
)
def test_a_bad_definition_is_told_by_its_field(change, field):
    with pytest.raises(InvalidArgument) as refused:
        define(None, replace(GOOD, **change), view_id="view", team="alpha", by="ann", at=1)
    assert [violation.field for violation in refused.value.fields] == [field]


@pytest.mark.parametrize("name", ["event_time", "available_at"])
def test_no_time_is_in_the_future(name):
    rows = [NewRow("a", {}), replace(NewRow("b", {}), **{name: 100 + MAX_AHEAD + 1})]
    with pytest.raises(InvalidArgument, match=rf"features\[1\]\.{name}: must not be in the future"):
        timed(rows, [b"", b""], 100)


def test_times_that_are_not_given_are_that_of_the_write():
    rows = timed([NewRow("a", {}), NewRow("b", {}, 5, 6)], [b"", b""], 100)
    assert (rows.event_times, rows.available_ats) == ([100, 5], [100, 6])


def test_a_view_is_described_in_every_language_and_within_bounds(defined):
    check_definition(replace(defined(), description="prix\u00a0: 10 €\n東京\u3000駅"))
    with pytest.raises(InvalidArgument, match=r"^description"):
        check_definition(replace(defined(), description="a\0b"))
    long = tuple(Feature(f"f{n}", ValueType.DOUBLE, "x" * 4_000) for n in range(40))
    with pytest.raises(InvalidArgument, match=r"^features: have 160"):
        check_definition(replace(defined(), features=long))
