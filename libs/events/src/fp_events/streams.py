"""Where events are kept, for how long and how many: declared once, created by whoever needs them."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from fp_events.subjects import intersection, is_pattern

_MEBIBYTE = 1 << 20


class Retention(StrEnum):
    """When a message goes.

    LIMITS: after `max_age`.
    INTEREST: when every durable has it; without a durable at once.
    """

    LIMITS = "limits"
    INTEREST = "interest"


@dataclass(frozen=True, slots=True)
class Stream:
    """One JetStream stream, kept in files.

    subjects: patterns; no two streams share a subject.
    max_age: a message goes after it, consumed or not.
    max_bytes: a full stream refuses new messages, so that their producer sees it and keeps them; it drops no old one.
    duplicate_window: how long a second message with the same Nats-Msg-Id is recognised.
    """

    name: str
    subjects: tuple[str, ...]
    max_age: timedelta
    retention: Retention = Retention.LIMITS
    max_bytes: int = 128 * _MEBIBYTE
    duplicate_window: timedelta = timedelta(minutes=2)

    def __post_init__(self) -> None:
        if not self.subjects or not all(map(is_pattern, self.subjects)):
            raise ValueError(f"stream {self.name}: subjects {self.subjects} are not patterns")


MODELS = Stream("MODELS", ("fp.models.>",), timedelta(days=30), max_bytes=256 * _MEBIBYTE)
PIPELINES = Stream("PIPELINES", ("fp.pipelines.>",), timedelta(days=30), max_bytes=256 * _MEBIBYTE)
INFERENCE = Stream("INFERENCE", ("fp.inference.>",), timedelta(hours=72), Retention.INTEREST, 1024 * _MEBIBYTE)
FEATURES = Stream("FEATURES", ("fp.features.>",), timedelta(days=7))
EXPERIMENTS = Stream("EXPERIMENTS", ("fp.experiments.>",), timedelta(days=7))
NOTIFICATIONS = Stream("NOTIFICATIONS", ("fp.notifications.>",), timedelta(days=7))
AUTH = Stream("AUTH", ("fp.auth.>",), timedelta(days=7))
BILLING = Stream("BILLING", ("fp.billing.>",), timedelta(days=90), max_bytes=512 * _MEBIBYTE)
AUDIT = Stream("AUDIT", ("fp.audit.>",), timedelta(days=90), max_bytes=512 * _MEBIBYTE)
DLQ = Stream("DLQ", ("fp.dlq.>",), timedelta(days=90), max_bytes=256 * _MEBIBYTE)

STREAMS: tuple[Stream, ...] = (
    MODELS,
    PIPELINES,
    INFERENCE,
    FEATURES,
    EXPERIMENTS,
    NOTIFICATIONS,
    AUTH,
    BILLING,
    AUDIT,
    DLQ,
)


def by_stream(patterns: tuple[str, ...], streams: tuple[Stream, ...] = STREAMS) -> dict[Stream, tuple[str, ...]]:
    """The streams that keep subjects of the patterns, with the part of each pattern that lies in the stream.

    Raises ValueError when no stream keeps a pattern: a consumer of it would wait for ever.
    """
    groups: dict[Stream, tuple[str, ...]] = {}
    for pattern in patterns:
        parts = [
            (stream, part)
            for stream in streams
            for kept in stream.subjects
            if (part := intersection(pattern, kept)) is not None
        ]
        if not parts:
            raise ValueError(f"no stream keeps {pattern}")
        for stream, part in parts:
            groups[stream] = (*groups.get(stream, ()), part)
    return groups
