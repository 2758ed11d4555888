"""Allow-lists of metadata: what passes from a caller to a service, and what passes back."""

from collections.abc import Iterable

from fp_rpc import headers

Pair = tuple[str, str | bytes]

# `fp-on-behalf-of-*` is not here: only services may send it, and services do not come through the gateway. Nor are
# `fp-client-address` and `fp-forwarded-by`: the gateway sets them itself, so that nobody can fake an address.
REQUEST = frozenset(
    {
        headers.AUTHORIZATION,
        headers.CORRELATION_ID,
        headers.REQUEST_ID,
        headers.IDEMPOTENCY_KEY,
        headers.POSITION,
        headers.TRACEPARENT,
        headers.TRACESTATE,
    }
)
RESPONSE = frozenset(
    {
        headers.CORRELATION_ID,
        headers.REQUEST_ID,
        headers.POSITION,
        headers.REPLAYED,
        headers.STATUS_DETAILS,
        headers.PUSHBACK,
        "retry-after",
    }
)
RESPONSE_PREFIX = "ratelimit"


def to_service(metadata: Iterable[Pair] | None) -> list[Pair]:
    return [(key, value) for key, value in metadata or () if key in REQUEST]


def to_caller(metadata: Iterable[Pair] | None) -> list[Pair]:
    return [(key, value) for key, value in metadata or () if key in RESPONSE or key.startswith(RESPONSE_PREFIX)]
