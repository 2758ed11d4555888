"""The trace of a call, as W3C writes it."""

import re
from typing import Final

_ID: Final = re.compile(r"[0-9a-f]{32}")
_PARENT: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_NONE: Final = "0" * 32


def is_trace_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None and text != _NONE


def trace_id(traceparent: str) -> str:
    """Of a trace context; empty for a text that is none."""
    found = _PARENT.fullmatch(traceparent)
    return found[1] if found is not None and is_trace_id(found[1]) else ""
