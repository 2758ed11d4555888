"""What of a caller's metadata reaches a service, and what of a service's reaches the caller."""

from collections.abc import Iterable
from urllib.parse import unquote

from fp_rpc import headers

Pair = tuple[str, str | bytes]

# Where the caller sits; only the gateway says it, and auth counts failed logins by it.
CLIENT_ADDRESS = "fp-client-address"

# `fp-on-behalf-of-*` is not here: only services may send it, and services do not come through the gateway.
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
        "retry-after",
    }
)
RESPONSE_PREFIX = "ratelimit"


def to_service(metadata: Iterable[Pair] | None) -> list[Pair]:
    return [(key, value) for key, value in metadata or () if key in REQUEST]


def to_caller(metadata: Iterable[Pair] | None) -> list[Pair]:
    return [(key, value) for key, value in metadata or () if key in RESPONSE or key.startswith(RESPONSE_PREFIX)]


def address_of(peer: str) -> list[Pair]:
    """The client's address from gRPC's name of a peer (`ipv4:1.2.3.4:5`, `ipv6:%5B::1%5D:5`); empty without one."""
    scheme, _, rest = peer.partition(":")
    if scheme not in ("ipv4", "ipv6"):
        return []
    return [(CLIENT_ADDRESS, unquote(rest).rpartition(":")[0].strip("[]"))]
