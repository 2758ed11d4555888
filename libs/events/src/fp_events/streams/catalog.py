"""The streams of the platform, and which of them has which subjects."""

from collections.abc import Sequence
from datetime import timedelta

import fp_platform

from fp_events.message.subjects import intersection
from fp_events.streams.stream import Discard, Retention, Stream

_KIBIBYTE, _MEBIBYTE = 1 << 10, 1 << 20

_LIMITS = fp_platform.events()["streams"]


def _stream(
    name: str,
    *subjects: str,
    retention: Retention = Retention.LIMITS,
    discard: Discard = Discard.NEW,
    copy_of: str = "",
) -> Stream:
    limits = _LIMITS[name]
    return Stream(
        name,
        subjects,
        timedelta(days=limits["max_age_days"]),
        retention,
        max_bytes=limits["max_mebibytes"] * _MEBIBYTE,
        subject_messages=limits.get("subject_messages", 0),
        message_bytes=limits.get("message_kibibytes", 0) * _KIBIBYTE,
        discard=discard,
        copy_of=copy_of,
    )


MODELS = _stream("MODELS", "fp.models.>")
PIPELINES = _stream("PIPELINES", "fp.pipelines.>")
# Only billing may hold a prediction here (ADR 0100): full, it refuses, and the spool of inference waits.
INFERENCE = _stream("INFERENCE", "fp.inference.>", retention=Retention.INTEREST)
# What statistics read: a consumer that stands still misses predictions, and nobody else notices it.
PREDICTIONS = _stream("PREDICTIONS", *INFERENCE.subjects, discard=Discard.OLD, copy_of=INFERENCE.name)
FEATURES = _stream("FEATURES", "fp.features.>")
EXPERIMENTS = _stream("EXPERIMENTS", "fp.experiments.>")
NOTIFICATIONS = _stream("NOTIFICATIONS", "fp.notifications.>")
AUTH = _stream("AUTH", "fp.auth.>")
# The truth of usage is billing's table. Full, the stream drops its oldest: billing's outbox must not fill with it.
USAGE = _stream("USAGE", "fp.billing.usage.>", discard=Discard.OLD)
BILLING = _stream("BILLING", "fp.billing.quota.>", "fp.billing.invoice.>", "fp.billing.plan.>", "fp.billing.payment.>")
AUDIT = _stream("AUDIT", "fp.audit.>")
DLQ = _stream("DLQ", "fp.dlq.>")

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
    """The streams that store subjects of the patterns, with the part of each pattern that lies in the stream.

    holding: read a stream itself where it has a copy, which holds its messages back until they are handled.
    Raises ValueError when no stream stores a pattern: a consumer of it would never get an event.
    """
    copied = {stream.copy_of for stream in streams}
    groups: dict[Stream, tuple[str, ...]] = {}
    for pattern in patterns:
        parts = [
            (stream, part)
            for stream in streams
            if not (stream.copy_of if holding else stream.name in copied)
            for stored in stream.subjects
            if (part := intersection(pattern, stored)) is not None
        ]
        if not parts:
            raise ValueError(f"no stream stores {pattern}")
        for stream, part in parts:
            groups[stream] = (*groups.get(stream, ()), part)
    return groups
