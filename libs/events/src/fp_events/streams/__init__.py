"""Streams: what each stores, and how the server is brought to it."""

from fp_events.streams.catalog import (
    AUDIT,
    AUTH,
    BILLING,
    DLQ,
    EXPERIMENTS,
    FEATURES,
    INFERENCE,
    MODELS,
    NOTIFICATIONS,
    PIPELINES,
    PREDICTIONS,
    STREAMS,
    USAGE,
    by_stream,
    with_relatives,
)
from fp_events.streams.stream import Discard, Retention, Stream

__all__ = [
    "AUDIT",
    "AUTH",
    "BILLING",
    "DLQ",
    "EXPERIMENTS",
    "FEATURES",
    "INFERENCE",
    "MODELS",
    "NOTIFICATIONS",
    "PIPELINES",
    "PREDICTIONS",
    "STREAMS",
    "USAGE",
    "Discard",
    "Retention",
    "Stream",
    "by_stream",
    "with_relatives",
]
