"""Deployments and the last split decide where traffic goes."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from fp_inference.domain.routes import Route, Stable, Target, TargetStatus
from fp_inference.domain.shares import Share, Split
from fp_inference.domain.split import FULL
from fp_inference.domain.split_plan import newcomers, plan_split
from fp_kernel import FailedPrecondition, InvalidArgument
from hypothesis import given
from hypothesis import strategies as st

_START = datetime(2013, 3, 1, tzinfo=UTC)


def _target(version: str, sequence: int, *, weight: int = 0, endpoint: str = "") -> Target:
    return Target(
        model_id="m",
        version_id=f"id-{version}",
        version=version,
        endpoint=endpoint or f"host:{sequence}",
        weight_bps=weight,
        sequence=sequence,
        deployed_at=_START + timedelta(seconds=sequence),
    )


def _split(route: Route, weights: dict[str, int], revision: int = 1) -> Route:
    return route.with_split(Split(plan_split(route, list(weights.items())), revision, _START))


def _weights(route: Route) -> dict[str, int]:
    return {target.version: weight for target, weight in route.weighted}


def _route(*versions: str) -> Route:
    """The first one was deployed alone, the others beside it."""
    route = Route("alpha", "delays")
    for number, version in enumerate(versions, 1):
        route = route.deployed(_target(version, number, weight=0 if route.targets else FULL))
    return route


def test_the_first_version_gets_everything_and_the_next_one_nothing() -> None:
    assert _weights(_route("1", "2")) == {"1": FULL, "2": 0}


def test_a_split_moves_traffic() -> None:
    route = _split(_route("1", "2"), {"1": 9_000, "2": 1_000})
    assert _weights(route) == {"1": 9_000, "2": 1_000}
    route = _split(route, {"2": FULL}, revision=2)
    assert _weights(route) == {"1": 0, "2": FULL}


def test_an_older_split_is_not_believed() -> None:
    route = _split(_route("1", "2"), {"2": FULL}, revision=5)
    assert _split(route, {"1": FULL}, revision=4) is route


def test_a_split_without_shares_takes_the_model_out_of_service_until_the_next_one() -> None:
    route = _split(_route("1", "2"), {"1": FULL}).with_split(Split((), 2, _START))
    assert route.deleted
    assert route.active == ()
    assert _weights(route.deployed(_target("3", 9))) == {}
    assert _weights(_split(route, {"2": FULL}, revision=3)) == {"1": 0, "2": FULL}


def test_what_a_removed_version_had_goes_to_the_others() -> None:
    route = _split(_route("1", "2", "3"), {"1": 5_000, "2": 3_000, "3": 2_000})
    route = route.undeployed(_target("1", 10))
    assert _weights(route) == {"2": 6_000, "3": 4_000}


def test_when_every_share_is_gone_the_stable_version_answers() -> None:
    route = _split(_route("1", "2", "3"), {"1": FULL}).promoted(Stable("id-3", "3", _START))
    assert _weights(route.undeployed(_target("1", 10))) == {"2": 0, "3": FULL}


def test_without_a_stable_version_the_longest_deployed_answers() -> None:
    route = _split(_route("1", "2", "3"), {"1": FULL})
    assert _weights(route.undeployed(_target("1", 10))) == {"2": FULL, "3": 0}


def test_a_version_that_comes_back_does_not_get_its_old_share() -> None:
    route = _split(_route("1", "2"), {"1": FULL})
    route = route.undeployed(_target("1", 10))
    assert _weights(route) == {"2": FULL}
    route = _split(route, {"2": FULL}, revision=2).deployed(_target("1", 11))
    assert _weights(route) == {"2": FULL, "1": 0}
    assert _weights(_route("1", "2").undeployed(_target("1", 10)).deployed(_target("1", 11))) == {"2": FULL, "1": 0}


def test_a_split_that_names_a_version_that_is_not_known_is_not_complete() -> None:
    other, route = _route("1", "2"), _route("1")
    assert not other.names_unknown
    split = _split(other, {"1": 4_000, "2": 6_000}).split
    assert split is not None
    behind = route.with_split(split)
    assert behind.names_unknown
    assert not behind.deployed(_target("2", 2)).names_unknown
    old = _route("1").deployed(_target("2", 1)).with_split(split)
    assert old.names_unknown  # it was deployed again, and that is not known


def test_a_version_is_a_newcomer_until_a_split_names_it() -> None:
    route = _route("1", "2", "3")

    def new(route: Route, weights: dict[str, int]) -> list[str]:
        return [target.version for target in newcomers(route, plan_split(route, list(weights.items())))]

    assert new(route, {"1": 9_000, "2": 1_000, "3": 0}) == ["1", "2"]
    route = _split(route, {"1": FULL, "2": 0})
    assert new(route, {"1": 0, "2": FULL}) == []
    assert new(route, {"3": FULL}) == ["3"]
    again = route.undeployed(_target("2", 10)).deployed(_target("2", 11))
    assert new(again, {"2": FULL}) == ["2"]


def test_a_version_that_moves_keeps_its_share() -> None:
    route = _split(_route("1", "2"), {"1": 4_000, "2": 6_000})
    route = route.deployed(_target("1", 10, endpoint="elsewhere:1"))
    assert _weights(route) == {"2": 6_000, "1": 4_000}
    assert route.targets["id-1"].endpoint == "elsewhere:1"


def test_an_old_event_after_a_newer_one_changes_nothing() -> None:
    route = _route("1", "2").undeployed(_target("2", 10))
    assert route.deployed(_target("2", 2)) is route
    assert route.undeployed(_target("2", 9)) is route


def test_promotion_marks_and_moves_nothing() -> None:
    route = _route("1", "2")
    promoted = route.promoted(Stable("id-2", "2", _START))
    assert _weights(promoted) == _weights(route)
    assert promoted.is_stable(promoted.targets["id-2"])
    assert promoted.promoted(Stable("id-1", "1", _START - timedelta(days=1))) is promoted


def test_an_archived_model_drains() -> None:
    route = _route("1").archived(_START + timedelta(seconds=1))
    assert route.active == ()
    assert route.weighted == ()
    assert [target.version for target in route.present] == ["1"]


def test_what_is_deployed_after_an_archive_takes_traffic_in_whatever_order_the_two_are_heard() -> None:
    ended, target = _START + timedelta(seconds=5), _target("2", 6)
    for route in (_route("1").archived(ended).deployed(target), _route("1").deployed(target).archived(ended)):
        assert [target.version for target in route.active] == ["2"]
        assert _weights(route.archived(_START)) == {"2": FULL}
        assert route.archived(_START + timedelta(seconds=9)).active == ()


def test_a_restored_model_forgets_its_archive_and_no_archive_after_it() -> None:
    ended, back = _START + timedelta(seconds=5), _START + timedelta(seconds=9)
    restored = _route("1").archived(ended).restored(back)
    assert _weights(restored) == {"1": FULL}
    assert restored.archived(ended) is restored  # told again, as at each start
    assert restored.restored(back) is restored
    assert restored.archived(back + timedelta(seconds=1)).active == ()
    assert _weights(_route("1").restored(back).archived(ended)) == {"1": FULL}
    assert _route("1").archived(back).restored(ended).active == ()


def test_each_canary_meets_other_users_and_keeps_them_while_its_share_grows() -> None:
    first, grown = (
        _split(_route("1", "2"), {"1": 9_000, "2": 1_000}),
        _split(_route("1", "2"), {"1": 5_000, "2": 5_000}),
    )
    second = _route("1", "2", "3")
    assert first.salt == grown.salt != second.salt


@pytest.mark.parametrize(
    ("weights", "field"),
    [
        ([], "weights"),
        ([("1", 9_999)], "weights"),
        ([("1", 5_000), ("1", 5_000)], "weights[1].version"),
        ([("", FULL)], "weights[0].version"),
        ([("1", -1), ("2", 10_001)], "weights[0].weight_bps"),
    ],
)
def test_a_split_that_makes_no_sense_names_its_field(weights: list[tuple[str, int]], field: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        plan_split(_route("1", "2"), weights)
    assert caught.value.fields[0].field == field


def test_a_split_over_an_unknown_version_is_a_failed_precondition_that_names_it() -> None:
    with pytest.raises(FailedPrecondition) as caught:
        plan_split(_route("1"), [("1", 5_000), ("9", 5_000)])
    assert caught.value.fields[0].field == "weights[1].version"
    with pytest.raises(FailedPrecondition):
        plan_split(_route("1", "2").undeployed(_target("2", 10)), [("2", FULL)])


def test_tombstones_are_bounded() -> None:
    route = _route("live")
    for number in range(200):
        route = route.undeployed(_target(f"old-{number}", 100 + number))
    assert len(route.targets) == 65
    assert "id-old-199" in route.targets
    assert "id-live" in route.targets


_Fact = Callable[[Route], Route]


def _facts() -> list[_Fact]:
    return [
        lambda route: route.deployed(_target("1", 1, weight=FULL)),
        lambda route: route.undeployed(_target("1", 3)),
        lambda route: route.deployed(_target("1", 4)),
        lambda route: route.deployed(_target("2", 2)),
        lambda route: route.with_split(Split((Share("id-1", 1, 7_000), Share("id-2", 2, 3_000)), 1, _START)),
    ]


def test_replicas_that_saw_the_same_facts_in_any_order_route_the_same() -> None:
    outcomes = set()
    for order in permutations(_facts()):
        route = Route("alpha", "delays")
        for fact in order:
            route = fact(route)
        outcomes.add(tuple(sorted(_weights(route).items())))
    assert outcomes == {(("1", 0), ("2", FULL))}


_Event = st.tuples(st.sampled_from(["deploy", "undeploy", "split", "promote"]), st.sampled_from("1234"))


@given(st.lists(_Event, max_size=40))
def test_the_shares_of_active_versions_always_sum_to_the_whole(events: list[tuple[str, str]]) -> None:
    route = Route("alpha", "delays")
    for number, (kind, version) in enumerate(events, 1):
        if kind == "deploy":
            route = route.deployed(_target(version, number, weight=0 if route.active else FULL))
        elif kind == "undeploy":
            route = route.undeployed(_target(version, number))
        elif kind == "promote":
            route = route.promoted(Stable(f"id-{version}", version, _START + timedelta(seconds=number)))
        elif route.find(version):
            before = route
            route = _split(route, {version: FULL}, revision=number)
            assert _weights(route)[version] == FULL
            assert route.active == before.active
        assert sum(_weights(route).values()) == (FULL if route.active else 0)
        assert all(target.status is TargetStatus.ACTIVE for target in route.active)
