"""Traffic is divided by basis points, the same way every time."""

from collections import Counter

import pytest
from fp_inference.domain.split import FULL, choose, point, scaled
from hypothesis import given
from hypothesis import strategies as st

_WEIGHTS = st.lists(st.integers(0, FULL), min_size=1, max_size=6).filter(any)


@given(_WEIGHTS)
def test_scaled_weights_sum_to_the_whole_and_keep_their_order(weights: list[int]) -> None:
    shares = scaled(weights)
    assert sum(shares) == FULL
    assert all((share > 0) <= (weight > 0) for share, weight in zip(shares, weights, strict=True))
    for left, right in zip(sorted(weights), sorted(shares), strict=True):
        assert abs(right - left * FULL / sum(weights)) < 1


@given(_WEIGHTS)
def test_weights_that_sum_to_the_whole_stay_as_they_are(weights: list[int]) -> None:
    shares = scaled(weights)
    assert scaled(shares) == shares


@pytest.mark.parametrize("weights", [[], [0, 0], [-1, 2]])
def test_weights_without_a_proportion_are_refused(weights: list[int]) -> None:
    with pytest.raises(ValueError):
        scaled(weights)


@given(_WEIGHTS)
def test_each_target_gets_exactly_its_share_of_the_points(weights: list[int]) -> None:
    shares = scaled(weights)
    weighted = list(enumerate(shares))
    found = Counter(choose(weighted, at) for at in range(FULL))
    assert [found[index] for index in range(len(shares))] == shares


@given(st.integers(0, FULL), st.integers(0, FULL), st.text(max_size=20))
def test_a_sticky_key_moves_only_when_its_own_share_moves(before: int, after: int, key: str) -> None:
    at = point("team", "model", key)
    first = choose([("stable", FULL - before), ("canary", before)], at)
    second = choose([("stable", FULL - after), ("canary", after)], at)
    if first != second:
        assert (second == "canary") == (after > before)


@given(st.text(max_size=20), st.text(max_size=20))
def test_a_point_is_the_same_every_time_and_in_range(model: str, key: str) -> None:
    assert point("team", model, key) == point("team", model, key)
    assert 0 <= point("team", model, key) < FULL


def test_points_of_many_keys_follow_the_weights() -> None:
    weighted = [("v1", 9_000), ("v2", 1_000)]
    found = Counter(choose(weighted, point("team", "model", str(number))) for number in range(20_000))
    assert 1_800 < found["v2"] < 2_200


def test_weights_that_do_not_sum_to_the_whole_choose_nobody() -> None:
    with pytest.raises(ValueError, match="do not sum"):
        choose([("v1", 9_999)], 0)
