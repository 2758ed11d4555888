"""JSON documents that callers send."""

from typing import Any, Final

import orjson
from fp_kernel import InvalidArgument, invalid

# Objects and lists within each other, the document itself included. A message may be nested a hundred deep, and a level
# of a free-form value takes three.
MAX_DEPTH: Final = 32


def document_of(body: bytes) -> dict[str, Any]:
    """The body as a JSON object; an empty body is an empty object. Raises InvalidArgument naming `body`."""
    if not body:
        return {}
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if "depth limit" in str(error):
            raise too_deep() from None
        raise invalid("body", f"is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise invalid("body", "must be a JSON object")
    return document


def too_deep(field: str = "body") -> InvalidArgument:
    return invalid(field, f"is nested more than {MAX_DEPTH} deep")
