"""Times as whole microseconds since 1970, UTC: what the log, both views and the columns of the wire hold."""

from datetime import UTC, datetime

from fp_kernel.times import at_microseconds, microseconds

Instant = int

SECOND = 1_000_000


def instant(moment: datetime) -> Instant:
    return microseconds(moment)


FIRST = instant(datetime.min.replace(tzinfo=UTC))
LAST = instant(datetime.max.replace(tzinfo=UTC))
EVER = 2**63 - 1


def moment(at: Instant) -> datetime:
    return at_microseconds(at)


def parse(text: str) -> Instant:
    """A time as RFC 3339 writes it. Raises ValueError."""
    read = datetime.fromisoformat(text)
    if read.tzinfo is None:
        raise ValueError("a time needs its zone")
    return instant(read)


def show(at: Instant) -> str:
    """As RFC 3339, in UTC."""
    return moment(at).isoformat().replace("+00:00", "Z")
