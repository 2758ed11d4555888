"""Names of gRPC metadata that the platform reads or writes; the gateway's allow-list is made of these."""

from typing import Final

AUTHORIZATION: Final = "authorization"
CORRELATION_ID: Final = "x-correlation-id"
REQUEST_ID: Final = "x-request-id"
IDEMPOTENCY_KEY: Final = "idempotency-key"
TEAM: Final = "fp-on-behalf-of-team"
USER: Final = "fp-on-behalf-of-user"
# Where the caller sits, and the token of whoever says so; only the gateway's word counts.
CLIENT_ADDRESS: Final = "fp-client-address"
FORWARDED_BY: Final = "fp-forwarded-by"
POSITION: Final = "fp-position"
REPLAYED: Final = "fp-replayed"
# Of gRPC itself: what a server says to the retry policy of a client, and which sending of a call this one is.
PUSHBACK: Final = "grpc-retry-pushback-ms"
PREVIOUS_ATTEMPTS: Final = "grpc-previous-rpc-attempts"
STATUS_DETAILS: Final = "grpc-status-details-bin"
TRACEPARENT: Final = "traceparent"
TRACESTATE: Final = "tracestate"
