"""What an event says of time."""

from datetime import UTC, datetime

import pytest
from forgepoint.events.v1 import events_pb2
from fp_events import Event, Poison
from google.protobuf.timestamp_pb2 import Timestamp

NOON = datetime(2027, 6, 15, 12, tzinfo=UTC)
EVENT = Event("fp.models.archived", events_pb2.ModelArchived(), "red", "m-1", "archived", time=NOON)


def test_a_time_of_the_payload_is_what_it_says():
    assert EVENT.time_of(Timestamp(seconds=86_400)) == datetime(1970, 1, 2, tzinfo=UTC)


def test_without_one_it_is_that_of_the_event():
    assert EVENT.time_of(Timestamp()) == NOON


def test_a_time_that_no_calendar_has_is_a_dead_letter():
    with pytest.raises(Poison):
        EVENT.time_of(Timestamp(seconds=10**15))
