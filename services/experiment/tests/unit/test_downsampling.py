from datetime import UTC, datetime

from fp_experiment.domain.downsampling import MIN_POINTS, downsampled
from fp_experiment.domain.metrics import Point
from hypothesis import given
from hypothesis import strategies as st

AT = datetime(2026, 1, 1, tzinfo=UTC)


@given(
    st.dictionaries(st.one_of(st.integers(0, 400), st.integers(0, 2**63 - 1)), st.floats(allow_nan=True), max_size=300),
    st.integers(MIN_POINTS, 100),
)
def test_a_thinned_series_is_short_in_order_and_keeps_its_ends_and_extremes(series, limit):
    values = list(series.values())
    points = [Point("loss", value, step, AT) for step, value in sorted(series.items())]
    thinned = downsampled(points, limit)
    assert len(thinned) <= max(limit, 0)
    assert [point.step for point in thinned] == sorted({point.step for point in thinned})
    if points:
        assert (thinned[0], thinned[-1]) == (points[0], points[-1])
    plain = [value for value in values if value == value]  # noqa: PLR0124 -- only NaN differs from itself
    if limit >= 4 and plain:
        assert min(plain) in {point.value for point in thinned}


def test_a_short_series_stays_whole():
    points = [Point("loss", 1.0, step, AT) for step in range(5)]
    assert downsampled(points, 5) == points
