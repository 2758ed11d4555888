"""What is counted."""

from enum import StrEnum

MAX_INT64 = 2**63 - 1


class Meter(StrEnum):
    """One unit: a row of a prediction, a token, a second of a pipeline, a byte of an artifact."""

    INFERENCE_REQUEST = "INFERENCE_REQUEST"
    INFERENCE_TOKENS = "INFERENCE_TOKENS"
    COMPUTE_SECONDS = "COMPUTE_SECONDS"
    STORAGE_BYTES = "STORAGE_BYTES"


_SUFFIXES = {
    Meter.INFERENCE_REQUEST: "",
    Meter.INFERENCE_TOKENS: ":tokens",
    Meter.COMPUTE_SECONDS: ":compute",
    Meter.STORAGE_BYTES: ":storage",
}


def usage_key(meter: Meter, source_id: str) -> str:
    """What identifies one metered fact within a team: a request's own id, or that id and what of it is counted."""
    return source_id + _SUFFIXES[meter]
