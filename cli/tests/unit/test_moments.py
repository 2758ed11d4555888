import pytest
from fp_cli import moments
from fp_kernel import InvalidArgument


@pytest.mark.parametrize(
    "text", ["2013-03-01", "2013-03-01T00:00", "2013-03-01T00:00:00Z", "2013-03-01T01:00:00+01:00", "2013-03-01 00:00"]
)
def test_a_time_without_a_zone_is_utc(text):
    assert moments.stamp(text, "as-of").ToJsonString() == "2013-03-01T00:00:00Z"


@pytest.mark.parametrize("text", ["x", "2013-13-01", "now", "0001-01-01T00:00:00+23:00"])
def test_what_is_no_time_names_its_option(text):
    with pytest.raises(InvalidArgument, match="as-of"):
        moments.stamp(text, "as-of")


def test_nothing_is_no_time():
    assert moments.stamp("", "as-of") is None


@pytest.mark.parametrize(("micros", "text"), [(0, "1970-01-01T00:00:00Z"), (-1, "1969-12-31T23:59:59.999999Z")])
def test_micros_are_told_exactly(micros, text):
    assert moments.of_micros(micros) == text
