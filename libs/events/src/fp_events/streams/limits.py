"""Sizes and ages of streams as an installation sets them."""

import math
import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from fp_events.streams import STREAMS, Stream


def limited(stream: Stream, environment: Mapping[str, str] = os.environ) -> Stream:
    """The stream with the limits of the environment in place of the declared ones.

    FP_STREAM_<NAME>_MAX_BYTES: bytes, a whole number above 0.
    FP_STREAM_<NAME>_MAX_HOURS: hours, a number above 0.
    Raises ValueError for anything else: a typing error must not silently give a stream its default size.
    """
    prefix = f"FP_STREAM_{stream.name}"
    written_bytes, written_hours = environment.get(f"{prefix}_MAX_BYTES"), environment.get(f"{prefix}_MAX_HOURS")
    if written_bytes:
        stream = replace(stream, max_bytes=int(_number(f"{prefix}_MAX_BYTES", written_bytes)))
    if written_hours:
        hours = _number(f"{prefix}_MAX_HOURS", written_hours)
        stream = replace(stream, max_age=timedelta(hours=hours))
    return stream


def check(environment: Mapping[str, str] = os.environ) -> None:
    """Raises ValueError when a limit of a declared stream cannot be read."""
    for stream in STREAMS:
        limited(stream, environment)


def _number(name: str, written: str) -> float:
    try:
        number = float(written)
    except ValueError:
        number = 0.0
    if not math.isfinite(number) or number <= 0:
        raise ValueError(f"{name}={written!r} must be a number above 0")
    return number
