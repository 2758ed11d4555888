"""An event: type, payload, team, resource and cause."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum

from fp_kernel import InvalidArgument, new_id
from fp_kernel.times import utc
from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from fp_events.message.subjects import subject_of


class Severity(IntEnum):
    """How urgently people should know; the numbers are those of `forgepoint.common.v1.Severity`."""

    UNSPECIFIED = 0
    INFO = 1
    WARNING = 2
    ERROR = 3
    CRITICAL = 4

    @classmethod
    def _missing_(cls, value: object) -> "Severity":
        """A later build may know more."""
        return cls.UNSPECIFIED if isinstance(value, int) else super()._missing_(value)


class Poison(InvalidArgument):
    """The message can never be handled; it goes to the dead letters at once."""


@dataclass(frozen=True, slots=True)
class Event:
    """One fact about one resource.

    type: `fp.<resource, plural>.<past tense...>`, which is the subject too, unless several services tell it.
    payload: one `forgepoint.events.v1` message; flat, so that no consumer has to call back. See `known`.
    team: the tenant whose resource changed.
    resource_id: what the event is about; `sequence` counts per resource at its producer.
    summary: one sentence for people.
    actor: user, API key or service that caused the change.
    id: UUID; what consumers deduplicate by.
    source: noun of the producer; filled by the outbox or the bus when empty.
    correlation_id, trace: filled from the current context by the outbox or the bus when empty.
    sequence: assigned by the outbox; 0 when the producer keeps none.
    """

    type: str
    payload: Message
    team: str
    resource_id: str
    summary: str
    actor: str = ""
    severity: Severity = Severity.INFO
    id: str = field(default_factory=new_id)
    source: str = ""
    time: datetime = field(default_factory=lambda: datetime.now(UTC))
    correlation_id: str = ""
    sequence: int = 0
    trace: Mapping[str, str] = field(default_factory=dict)

    @property
    def subject(self) -> str:
        """Under which it goes over the bus."""
        return subject_of(self.type, self.source)

    @property
    def known(self) -> bool:
        """False when this build lacks the payload's message; `payload` is then the `Any` that came."""
        return not isinstance(self.payload, Any)

    def time_of(self, stamp: Timestamp) -> datetime:
        """When something in the payload happened: as its field says, else when the event did.

        Raises Poison for a time outside the years 1 to 9999.
        """
        if not stamp.seconds:
            return self.time
        try:
            return utc(stamp.seconds, stamp.nanos)
        except OverflowError:
            raise Poison("a time in the payload is outside the years 1 to 9999") from None
