"""Traffic is divided by basis points, the same way every time."""

from collections import Counter
from random import Random

import pytest
from fp_inference.domain.split import FULL, Lot, choose, draw, lot, scaled
from hypothesis import given
from hypothesis import strategies as st

_MANY, _CROWD = 60, 5_000
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


def _lots(weights: list[int]) -> list[Lot[int]]:
    return [lot(number, f"version-{number}", weight) for number, weight in enumerate(weights) if weight]


def _chosen(weights: list[int], subjects: int = _MANY) -> list[int]:
    return [choose(_lots(weights), draw("team", "model", str(number))) for number in range(subjects)]


@given(_WEIGHTS, st.data())
def test_a_weight_that_grows_moves_subjects_to_its_version_alone(weights: list[int], data: st.DataObject) -> None:
    grows = data.draw(st.integers(0, len(weights) - 1))
    more = weights.copy()
    more[grows] += data.draw(st.integers(1, FULL))
    for before, after in zip(_chosen(weights), _chosen(more), strict=True):
        assert after in (before, grows)


@given(st.lists(st.integers(1, FULL), min_size=2, max_size=6), st.data())
def test_a_version_that_goes_moves_its_own_subjects_alone(weights: list[int], data: st.DataObject) -> None:
    goes = data.draw(st.integers(0, len(weights) - 1))
    rest = weights.copy()
    rest[goes] = 0
    for before, after in zip(_chosen(weights), _chosen(rest), strict=True):
        assert (after == before) == (before != goes)


@given(_WEIGHTS, st.randoms(use_true_random=False))
def test_the_order_of_the_versions_means_nothing(weights: list[int], random: Random) -> None:
    lots = _lots(weights)
    shuffled = random.sample(lots, len(lots))
    for number in range(_MANY):
        subject = draw(str(number))
        assert choose(lots, subject) == choose(shuffled, subject)


@pytest.mark.parametrize("weights", [[9_000, 1_000], [6_000, 3_000, 1_000], [9_999, 1], [100] * 10])
def test_each_version_gets_its_share_of_many_subjects(weights: list[int]) -> None:
    found = Counter(_chosen(weights, _CROWD))
    for number, weight in enumerate(weights):
        share = weight / sum(weights)
        assert abs(found[number] / _CROWD - share) < 4 * (share * (1 - share) / _CROWD) ** 0.5


def test_what_one_version_gives_to_another_moves_few_of_the_others() -> None:
    before, after = _chosen([5_000, 3_000, 2_000], _CROWD), _chosen([6_000, 3_000, 1_000], _CROWD)
    moved = sum(one != other for one, other in zip(before, after, strict=True)) / _CROWD
    assert 0.09 <= moved < 2 * 0.1 / 1.1 + 0.01, "no rule that reads the weights alone moves fewer for every change"


@given(st.text(max_size=20), st.text(max_size=20))
def test_a_draw_is_the_same_every_time_and_differs_by_each_part(model: str, key: str) -> None:
    assert draw("team", model, key) == draw("team", model, key)
    assert draw("team", model, key) != draw("team", model + key)


def test_nobody_is_chosen_where_there_is_nobody() -> None:
    with pytest.raises(ValueError):
        choose([], 0)
