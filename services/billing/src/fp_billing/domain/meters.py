"""Meters, and the identity of a metered fact."""

from enum import StrEnum
from typing import NamedTuple

MAX_INT64 = 2**63 - 1


class Meter(StrEnum):
    """One unit: a row of a prediction, a token, a second of a job, a byte of an artifact for a month."""

    INFERENCE_REQUEST = "INFERENCE_REQUEST"
    INFERENCE_TOKENS = "INFERENCE_TOKENS"
    COMPUTE_SECONDS = "COMPUTE_SECONDS"
    STORAGE_BYTES = "STORAGE_BYTES"


class Fact(NamedTuple):
    """What identifies one metered fact within a team: what was counted, and of what.

    Two values and never one text: ids of sources are their callers', and may hold any delimiter.
    """

    meter: Meter
    source_id: str
