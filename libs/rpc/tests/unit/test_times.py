"""Times and durations of messages."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from fp_kernel import InvalidArgument
from fp_rpc.times import from_duration, from_timestamp, seconds_of, to_duration, to_timestamp
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-5)), timezone(timedelta(hours=14))])))
def test_a_time_of_any_zone_comes_back_to_the_microsecond(moment):
    try:
        in_utc = moment.astimezone(UTC)
    except OverflowError:
        return

    assert from_timestamp(to_timestamp(moment), "at") == in_utc
    assert from_timestamp(to_timestamp(moment), "at").tzinfo is UTC


def test_no_time_leaves_the_field_unset():
    assert to_timestamp(None) is None


@pytest.mark.parametrize("message", [Timestamp(seconds=253_402_300_800), Timestamp(seconds=-(10**12))])
def test_a_time_that_no_calendar_has_is_refused_by_the_name_of_its_field(message):
    with pytest.raises(InvalidArgument) as raised:
        from_timestamp(message, "window.start")

    assert [(bad.field, bad.description) for bad in raised.value.fields] == [
        ("window.start", "must be a time of the years 1 to 9999")
    ]


@given(st.timedeltas(min_value=timedelta(days=-300_000), max_value=timedelta(days=300_000)))
def test_a_duration_comes_back_to_the_microsecond(length):
    assert from_duration(to_duration(length), "ttl") == length


def test_a_duration_is_made_of_seconds_too():
    assert to_duration(1.5) == Duration(seconds=1, nanos=500_000_000)


def test_a_duration_that_python_cannot_hold_is_refused_by_the_name_of_its_field():
    with pytest.raises(InvalidArgument) as raised:
        from_duration(Duration(seconds=10**18), "ttl")

    assert [bad.field for bad in raised.value.fields] == ["ttl"]


def test_seconds_are_those_of_the_message_whatever_it_holds():
    assert seconds_of(Duration(seconds=-2, nanos=-500_000_000)) == -2.5
    assert seconds_of(Timestamp(seconds=datetime(1970, 1, 2, tzinfo=UTC).day * 10**12)) == 2e12
