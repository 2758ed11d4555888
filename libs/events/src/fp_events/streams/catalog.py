"""The streams of the platform, and which of them has which subjects."""

from collections.abc import Sequence
from datetime import timedelta

from fp_events.message.subjects import intersection
from fp_events.streams.stream import Discard, Retention, Stream

_MEBIBYTE = 1 << 20
_GIBIBYTE = 1 << 30

# Sizes are for 100 predictions a second; docs/events.md has the arithmetic.
MODELS = Stream("MODELS", ("fp.models.>",), timedelta(days=30), max_bytes=256 * _MEBIBYTE)
PIPELINES = Stream("PIPELINES", ("fp.pipelines.>",), timedelta(days=30), max_bytes=256 * _MEBIBYTE)
# Only billing may hold a prediction here (ADR 0100): full, it refuses, and the spool of inference waits.
INFERENCE = Stream("INFERENCE", ("fp.inference.>",), timedelta(hours=72), Retention.INTEREST, max_bytes=8 * _GIBIBYTE)
# What statistics read: a consumer that stands still misses predictions, and nobody else notices it.
PREDICTIONS = Stream(
    "PREDICTIONS",
    INFERENCE.subjects,
    timedelta(hours=72),
    max_bytes=4 * _GIBIBYTE,
    discard=Discard.OLD,
    copy_of=INFERENCE.name,
)
FEATURES = Stream("FEATURES", ("fp.features.>",), timedelta(days=7))
EXPERIMENTS = Stream("EXPERIMENTS", ("fp.experiments.>",), timedelta(days=7))
NOTIFICATIONS = Stream("NOTIFICATIONS", ("fp.notifications.>",), timedelta(days=7))
AUTH = Stream("AUTH", ("fp.auth.>",), timedelta(days=7))
# Usage is in billing's table; here it passes by. Full, it forgets the oldest: billing's outbox must not fill with it.
USAGE = Stream("USAGE", ("fp.billing.usage.>",), timedelta(days=7), max_bytes=4 * _GIBIBYTE, discard=Discard.OLD)
BILLING = Stream(
    "BILLING",
    ("fp.billing.quota.>", "fp.billing.invoice.>", "fp.billing.plan.>", "fp.billing.payment.>"),
    timedelta(days=90),
    max_bytes=512 * _MEBIBYTE,
)
AUDIT = Stream("AUDIT", ("fp.audit.>",), timedelta(days=90), max_bytes=512 * _MEBIBYTE)
DLQ = Stream("DLQ", ("fp.dlq.>",), timedelta(days=90), max_bytes=1 * _GIBIBYTE)

STREAMS: tuple[Stream, ...] = (
    MODELS,
    PIPELINES,
    INFERENCE,
    PREDICTIONS,
    FEATURES,
    EXPERIMENTS,
    NOTIFICATIONS,
    AUTH,
    BILLING,
    USAGE,
    AUDIT,
    DLQ,
)


def with_relatives(streams: Sequence[Stream]) -> list[Stream]:
    """The streams, each copy behind its origin and each origin with its copies: one without the other loses events."""
    wanted = {stream.copy_of or stream.name for stream in streams}
    found = {stream.name: stream for stream in STREAMS if (stream.copy_of or stream.name) in wanted}
    found |= {stream.name: stream for stream in streams}
    return sorted(found.values(), key=lambda stream: bool(stream.copy_of))


def by_stream(
    patterns: tuple[str, ...], streams: tuple[Stream, ...] = STREAMS, *, holding: bool = False
) -> dict[Stream, tuple[str, ...]]:
    """The streams that keep subjects of the patterns, with the part of each pattern that lies in the stream.

    holding: read a stream itself where it has a copy, which holds its messages back until they are handled.
    Raises ValueError when no stream keeps a pattern: a consumer of it would wait for ever.
    """
    copied = {stream.copy_of for stream in streams}
    groups: dict[Stream, tuple[str, ...]] = {}
    for pattern in patterns:
        parts = [
            (stream, part)
            for stream in streams
            if not (stream.copy_of if holding else stream.name in copied)
            for kept in stream.subjects
            if (part := intersection(pattern, kept)) is not None
        ]
        if not parts:
            raise ValueError(f"no stream keeps {pattern}")
        for stream, part in parts:
            groups[stream] = (*groups.get(stream, ()), part)
    return groups
