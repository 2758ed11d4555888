"""A stream: where events are stored, for how long and how many."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from fp_events.message.subjects import is_pattern

_MEBIBYTE = 1 << 20


class Retention(StrEnum):
    """When a message goes.

    LIMITS: after `max_age`.
    INTEREST: when every durable has it; without a durable at once.
    """

    LIMITS = "limits"
    INTEREST = "interest"


class Discard(StrEnum):
    """What a full stream does.

    NEW: it refuses, so that the producer sees it and keeps the event; for streams whose events somebody needs.
    OLD: it drops its oldest message; for streams whose readers may miss events but may stop nobody.
    """

    NEW = "new"
    OLD = "old"


@dataclass(frozen=True, slots=True)
class Stream:
    """One JetStream stream, stored in files.

    subjects: patterns; no two streams share a subject, a copy and its origin excepted.
    max_age: a message goes after it, consumed or not.
    max_bytes: see `discard`. Both are defaults: `fp_events.streams.limits` says how an installation sets them.
    subject_messages: of one subject; more of it are refused, and other subjects go on. message_bytes: of one message.
    Both 0 for no bound.
    duplicate_window: how long a second message with the same Nats-Msg-Id is recognised.
    copy_of: name of the stream that feeds this one. The server copies each message and lets go of the origin's when it
    has stored it here. Nobody publishes to a copy.
    """

    name: str
    subjects: tuple[str, ...]
    max_age: timedelta
    retention: Retention = Retention.LIMITS
    max_bytes: int = 128 * _MEBIBYTE
    discard: Discard = Discard.NEW
    subject_messages: int = 0
    message_bytes: int = 0
    duplicate_window: timedelta = timedelta(minutes=2)
    copy_of: str = ""

    def __post_init__(self) -> None:
        if not self.subjects or not all(map(is_pattern, self.subjects)):
            raise ValueError(f"stream {self.name}: subjects {self.subjects} are not patterns")
