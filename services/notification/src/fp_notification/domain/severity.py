"""How urgent something is."""

from enum import IntEnum


class Severity(IntEnum):
    """The numbers are those of the wire and of the events; what says nothing is INFO."""

    INFO = 1
    WARNING = 2
    ERROR = 3
    CRITICAL = 4


def severity_of(number: int) -> Severity:
    """Of an event: a later build may know more than we do, and more is not less urgent."""
    return Severity(min(max(number, Severity.INFO), Severity.CRITICAL))
