"""Who sees which version: shares, sticky subjects, and the salt of an experiment."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from fp_inference.domain.routes import Route, Target
from fp_inference.domain.shares import Split
from fp_inference.domain.split import FULL, choose, draw
from fp_inference.domain.split_plan import plan_split, planned_salt
from fp_kernel import InvalidArgument

_START = datetime(2013, 3, 1, tzinfo=UTC)


def _route(*versions: str) -> Route:
    route = Route("alpha", "delays")
    for number, version in enumerate(versions, 1):
        at, weight = _START + timedelta(seconds=number), 0 if route.targets else FULL
        route = route.deployed(Target("m", f"id-{version}", version, f"host:{number}", weight, number, at))
    return route


def _split(route: Route, weights: dict[str, int]) -> Route:
    return route.with_split(Split(plan_split(route, list(weights.items())), 1, _START))


def _arms(route: Route, salt: str) -> dict[str, str]:
    """The version that each of many subjects sees."""
    split = route.split
    assert split is not None
    salted = replace(route, split=replace(split, salt=salt))
    keys = [f"user-{number}" for number in range(4_000)]
    at = {key: draw(route.team, route.model_name, salted.salt, key) for key in keys}
    return {key: choose(salted.lots, at[key]).version for key in keys}


def test_each_version_sees_its_share_of_the_subjects_whatever_the_salt_is() -> None:
    route = _split(_route("1", "2", "3"), {"1": 6_000, "2": 3_000, "3": 1_000})
    for salt in ("", "blue-button", "prices.2013"):
        seen = Counter(_arms(route, salt).values())
        for version, share in (("1", 0.6), ("2", 0.3), ("3", 0.1)):
            assert abs(seen[version] / 4_000 - share) < 0.03, (salt, seen)


def test_a_subject_stays_with_its_version_while_the_experiment_goes_on() -> None:
    route = _split(_route("1", "2"), {"1": 5_000, "2": 5_000})
    assert _arms(route, "one") == _arms(route, "one")
    grown = _split(_route("1", "2"), {"1": 4_000, "2": 6_000})
    before, after = _arms(route, "one"), _arms(grown, "one")
    moved = {key for key in before if before[key] != after[key]}
    assert {before[key] for key in moved} == {"1"}, "only those that version 1 gives away"
    assert abs(len(moved) / 4_000 - 0.1) < 0.03


def test_a_canary_that_grows_takes_subjects_from_the_others_and_moves_none_between_them() -> None:
    before = _arms(_split(_route("1", "2", "3"), {"1": 6_000, "2": 3_000, "3": 1_000}), "one")
    after = _arms(_split(_route("1", "2", "3"), {"1": 4_000, "2": 2_000, "3": 4_000}), "one")
    moved = {key for key in before if before[key] != after[key]}
    assert {after[key] for key in moved} == {"3"}
    assert abs(len(moved) / 4_000 - 0.3) < 0.03, "no more than it gained"


def test_another_salt_deals_the_subjects_out_anew() -> None:
    route = _split(_route("1", "2"), {"1": 5_000, "2": 5_000})
    one, two = _arms(route, "one"), _arms(route, "two")
    same = sum(one[key] == two[key] for key in one)
    assert abs(same / 4_000 - 0.5) < 0.04, "as many as by chance"


def test_a_split_keeps_the_salt_until_a_version_gets_its_first_traffic() -> None:
    route = _split(_route("1", "2", "3"), {"1": 5_000, "2": 5_000})
    assert route.split is not None
    route = replace(route, split=replace(route.split, salt="blue"))
    assert planned_salt(route, plan_split(route, [("1", 4_000), ("2", 6_000)]), "") == "blue"
    assert planned_salt(route, plan_split(route, [("1", 4_000), ("3", 6_000)]), "") == ""
    assert planned_salt(route, plan_split(route, [("1", 4_000), ("3", 6_000)]), "red") == "red"
    for wrong in ("two words", "a" * 65, "é"):
        with pytest.raises(InvalidArgument):
            planned_salt(route, (), wrong)
