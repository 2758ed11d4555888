"""Which requests carry an idempotency key, by which the server knows a repeat."""

from collections.abc import Iterable
from typing import Any, Final

from google.protobuf.message import Message

from fp_rpc import headers

FIELD: Final = "idempotency_key"


def key_in_body(request: Message) -> str:
    """The `idempotency_key` of a body; empty when it has none."""
    return getattr(request, FIELD, "") if FIELD in request.DESCRIPTOR.fields_by_name else ""


def has_key(request: Any, metadata: Iterable[tuple[str, Any]]) -> bool:
    """Whether the request or its headers carry a key, so that the peer knows a repeat."""
    if hasattr(request, "DESCRIPTOR") and key_in_body(request):
        return True
    return any(key == headers.IDEMPOTENCY_KEY and value for key, value in metadata)
