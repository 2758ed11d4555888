"""JSON and text that every store and message of the platform can hold."""

import json
import math
from typing import Any

from fp_kernel import invalid

from fp_pipeline.domain.definition import JsonObject

MAX_JSON_BYTES = 32 * 1_024
"""Bound of a config, an input and an output: an execution of the most steps still fits one message."""

_DEEPEST = 32
_LARGEST = 2**63
_MAX_TEXT = 1_000


def check_json(value: JsonObject, field: str) -> None:
    """Raises InvalidArgument naming what is too large, too deep or cannot be kept.

    Postgres keeps no NUL and no lone surrogate, a message no number beyond a double.
    """
    _check(value, field, 0)
    if len(json.dumps(value).encode()) > MAX_JSON_BYTES:
        raise invalid(field, f"must be at most {MAX_JSON_BYTES} bytes of JSON")


def clean(text: str) -> str:
    """A text of others, cut and without what cannot be kept."""
    shortened = text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 1] + "…"
    return shortened.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def is_clean(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _check(value: Any, field: str, depth: int) -> None:
    if depth > _DEEPEST:
        raise invalid(field, f"nests deeper than {_DEEPEST}")
    match value:
        case str() if not is_clean(value):
            raise invalid(field, "must be text without NUL")
        case float() if not math.isfinite(value):
            raise invalid(field, "must be a finite number")
        case int() if abs(value) > _LARGEST:
            raise invalid(field, "must be a number of at most 64 bits")
        case dict():
            for key, inner in value.items():
                if not isinstance(key, str) or not is_clean(key):
                    raise invalid(field, "must have text without NUL as keys")
                _check(inner, f"{field}.{key}", depth + 1)
        case list() | tuple():
            for index, inner in enumerate(value):
                _check(inner, f"{field}[{index}]", depth + 1)
