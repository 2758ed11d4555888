"""What of a caller's metadata reaches a service, and what of a service's reaches the caller."""

from collections.abc import Iterable

Pair = tuple[str, str | bytes]

# `fp-on-behalf-of-*` is not here: only services may send it, and services do not come through the gateway.
REQUEST = frozenset(
    {"authorization", "idempotency-key", "fp-position", "fp-correlation-id", "traceparent", "tracestate"}
)
RESPONSE = frozenset({"fp-position", "fp-correlation-id", "fp-request-id", "grpc-status-details-bin", "retry-after"})
RESPONSE_PREFIX = "ratelimit"


def to_service(metadata: Iterable[Pair] | None) -> list[Pair]:
    return [(key, value) for key, value in metadata or () if key in REQUEST]


def to_caller(metadata: Iterable[Pair] | None) -> list[Pair]:
    return [(key, value) for key, value in metadata or () if key in RESPONSE or key.startswith(RESPONSE_PREFIX)]
