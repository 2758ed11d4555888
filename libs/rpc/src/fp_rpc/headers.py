"""Names of gRPC metadata that the platform reads or writes; the gateway's allow-list is made of these."""

from typing import Final

AUTHORIZATION: Final = "authorization"
CORRELATION_ID: Final = "x-correlation-id"
REQUEST_ID: Final = "x-request-id"
IDEMPOTENCY_KEY: Final = "idempotency-key"
TEAM: Final = "fp-on-behalf-of-team"
USER: Final = "fp-on-behalf-of-user"
POSITION: Final = "fp-position"
REPLAYED: Final = "fp-replayed"
STATUS_DETAILS: Final = "grpc-status-details-bin"
TRACEPARENT: Final = "traceparent"
TRACESTATE: Final = "tracestate"
