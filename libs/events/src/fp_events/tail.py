"""Look at events as they pass, without taking them from anyone."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from fp_events.consumers import Deliver
from fp_events.event import Event
from fp_events.jetstream import NatsBus


@dataclass(frozen=True, slots=True)
class Passed:
    """One message that went by.

    subject: as on the bus; a dead letter's or a replay's differs from the event's type.
    event: None when it cannot be read.
    """

    subject: str
    event: Event | None
    size: int


def tail(bus: NatsBus, pattern: str = "fp.>", *, deliver: Deliver = "new") -> AsyncIterator[Passed]:
    """Every message of the pattern, until the caller stops. Raises ValueError for a pattern that no stream keeps."""
    raise NotImplementedError
