"""Why a prediction failed, as its event says it."""

from collections.abc import Mapping
from enum import StrEnum

from fp_kernel import Error, Kind

QUOTA_EXCEEDED = "QUOTA_EXCEEDED"
RATE_LIMITED = "RATE_LIMITED"
IN_FLIGHT = "IN_FLIGHT_LIMITED"
NO_ROUTE = "NO_ROUTE"
ROUTES_NOT_READ = "ROUTES_NOT_READ"
BULKHEAD_FULL = "BULKHEAD_FULL"
CIRCUIT_OPEN = "CIRCUIT_OPEN"
# Said by a runtime: its queue is full; it computed with these values and could not.
QUEUE_FULL = "QUEUE_FULL"
MODEL_REFUSED = "MODEL_REFUSED"


class FailureReason(StrEnum):
    NO_ROUTE = "NO_ROUTE"
    RATE_LIMITED = "RATE_LIMITED"
    BULKHEAD_FULL = "BULKHEAD_FULL"
    CIRCUIT_OPEN = "CIRCUIT_OPEN"
    UPSTREAM_ERROR = "UPSTREAM_ERROR"
    TIMEOUT = "TIMEOUT"
    INVALID_INPUT = "INVALID_INPUT"
    QUOTA_EXCEEDED = "QUOTA_EXCEEDED"


_BY_REASON: Mapping[str, FailureReason] = {
    QUOTA_EXCEEDED: FailureReason.QUOTA_EXCEEDED,
    RATE_LIMITED: FailureReason.RATE_LIMITED,
    IN_FLIGHT: FailureReason.RATE_LIMITED,
    NO_ROUTE: FailureReason.NO_ROUTE,
    ROUTES_NOT_READ: FailureReason.NO_ROUTE,
    BULKHEAD_FULL: FailureReason.BULKHEAD_FULL,
    QUEUE_FULL: FailureReason.BULKHEAD_FULL,
    CIRCUIT_OPEN: FailureReason.CIRCUIT_OPEN,
    MODEL_REFUSED: FailureReason.UPSTREAM_ERROR,
}
_BY_KIND: Mapping[Kind, FailureReason] = {
    Kind.INVALID_ARGUMENT: FailureReason.INVALID_INPUT,
    Kind.PERMISSION_DENIED: FailureReason.INVALID_INPUT,
    Kind.NOT_FOUND: FailureReason.NO_ROUTE,
    Kind.FAILED_PRECONDITION: FailureReason.NO_ROUTE,
    Kind.DEADLINE_EXCEEDED: FailureReason.TIMEOUT,
}


def failure_reason(error: Error) -> FailureReason:
    found = _BY_REASON.get(error.reason) or _BY_KIND.get(error.kind)
    return found or FailureReason.UPSTREAM_ERROR
