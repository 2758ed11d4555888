"""Times and durations of messages, to and from Python's; exact to the microsecond."""

from datetime import datetime, timedelta
from typing import overload

from fp_kernel import invalid
from fp_kernel.times import seconds_and_nanos, utc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

_NANOS = 1_000_000_000


@overload
def to_timestamp(moment: datetime) -> Timestamp: ...
@overload
def to_timestamp(moment: datetime | None) -> Timestamp | None: ...
def to_timestamp(moment: datetime | None) -> Timestamp | None:
    """The time as a message; None stays None, which leaves a field unset. Raises TypeError for a time without zone."""
    if moment is None:
        return None
    seconds, nanos = seconds_and_nanos(moment)
    return Timestamp(seconds=seconds, nanos=nanos)


def from_timestamp(message: Timestamp, field: str) -> datetime:
    """The time in UTC. Raises InvalidArgument naming `field` for a time outside the years 1 to 9999."""
    try:
        return utc(message.seconds, message.nanos)
    except OverflowError:
        raise invalid(field, "must be a time of the years 1 to 9999") from None


def to_duration(length: timedelta | float) -> Duration:
    """length: a number is one of seconds, exact to the microsecond."""
    message = Duration()
    message.FromTimedelta(length if isinstance(length, timedelta) else timedelta(seconds=length))
    return message


def from_duration(message: Duration, field: str) -> timedelta:
    """Raises InvalidArgument naming `field` for one that no timedelta can hold: beyond a billion days."""
    try:
        return message.ToTimedelta()
    except (ValueError, OverflowError):
        raise invalid(field, "must be a duration of at most a billion days") from None


def seconds_of(message: Duration | Timestamp) -> float:
    """Seconds, of a time those since 1970; whatever the message holds, so that nothing is raised."""
    return message.seconds + message.nanos / _NANOS
