"""Names of gRPC metadata that the platform reads or writes; the gateway's allow-list is made of these."""

import re
from typing import Final

AUTHORIZATION: Final = "authorization"
CORRELATION_ID: Final = "x-correlation-id"
REQUEST_ID: Final = "x-request-id"
IDEMPOTENCY_KEY: Final = "idempotency-key"
TEAM: Final = "fp-on-behalf-of-team"
USER: Final = "fp-on-behalf-of-user"
# The client's network address, and the gateway's proof that it says so: an address without it is not believed.
CLIENT_ADDRESS: Final = "fp-client-address"
FORWARDED_BY: Final = "fp-forwarded-by"
POSITION: Final = "fp-position"
REPLAYED: Final = "fp-replayed"
# Of a service, with its answers to health checks.
VERSION: Final = "fp-version"
# Of gRPC itself: whether a client may repeat the call, and how often this call was sent before.
PUSHBACK: Final = "grpc-retry-pushback-ms"
PREVIOUS_ATTEMPTS: Final = "grpc-previous-rpc-attempts"
STATUS_DETAILS: Final = "grpc-status-details-bin"
TRACEPARENT: Final = "traceparent"
TRACESTATE: Final = "tracestate"

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+=-]{0,127}")


def well_formed_id(value: str | None) -> str:
    """The id that a caller sent, if it is fit for logs and headers; else empty."""
    return value if value and _ID.fullmatch(value) else ""
