"""Times as people type them."""

from datetime import UTC, datetime
from typing import Any

from fp_kernel import invalid


def moment(text: str, field: str) -> datetime:
    """`2013-03-01`, `2013-03-01T12:00`, `2013-03-01T12:00:00+01:00`; UTC where it names no zone.

    Raises InvalidArgument naming `field`.
    """
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise invalid(field, f"{text!r} is not a time such as 2013-03-01 or 2013-03-01T12:00:00Z") from None


def stamp(text: str, field: str) -> Any:
    """A Timestamp; None for nothing. Raises InvalidArgument naming `field`."""
    from google.protobuf.timestamp_pb2 import Timestamp

    if not text:
        return None
    message = Timestamp()
    message.FromDatetime(moment(text, field))
    return message


def of_micros(micros: int) -> str:
    """Microseconds since 1970 as UTC."""
    seconds, rest = divmod(micros, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest).isoformat().replace("+00:00", "Z")
