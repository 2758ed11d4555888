"""Points in time as messages write them: seconds and nanoseconds since 1970, exact to the
microsecond as floats are not.

`fp_rpc.times` makes messages of them.
"""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MILLION = 1_000_000
_LAST = 253_402_300_799  # 9999-12-31T23:59:59Z, the last second that both sides can write


def microseconds(time: datetime) -> int:
    """Since 1970. Raises TypeError for a time without zone."""
    return (time - _EPOCH) // _MICROSECOND


def seconds_and_nanos(time: datetime) -> tuple[int, int]:
    """Raises TypeError for a time without zone."""
    seconds, micros = divmod(microseconds(time), _MILLION)
    return seconds, micros * 1_000


def utc(seconds: int, nanos: int) -> datetime:
    """Raises OverflowError outside the years 1 to 9999."""
    if seconds > _LAST:
        raise OverflowError("time is after the year 9999")
    return _EPOCH + timedelta(seconds=seconds, microseconds=nanos // 1_000)


def at_microseconds(count: int) -> datetime:
    """Raises OverflowError outside the years 1 to 9999."""
    return _EPOCH + timedelta(microseconds=count)


def rfc3339(time: datetime) -> str:
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")
