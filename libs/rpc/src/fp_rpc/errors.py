"""The one table of errors: `fp_kernel` kinds, gRPC status, google.rpc details, HTTP status.

docs/errors.md explains it to callers.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import grpc
from forgepoint.common.v1 import common_pb2
from fp_kernel import Error, FieldViolation, Internal, Kind, ResourceExhausted
from fp_kernel.errors import BY_KIND
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2

from fp_rpc import headers
from fp_rpc.times import seconds_of

DOMAIN: Final = "forgepoint"
INTERNAL_MESSAGE: Final = "internal error"
MESSAGE_TOO_LARGE: Final = "MESSAGE_TOO_LARGE"

# Trailers must fit into the 8 KiB that every gRPC client accepts; base64 and percent-encoding make them grow.
_LONGEST_MESSAGE: Final = 512
_LARGEST_STATUS: Final = 4_096
_MOST_VIOLATIONS: Final = 16
_TOO_LARGE: Final = re.compile(r"message larger than max \((\d+) vs\. (\d+)\)")


@dataclass(frozen=True, slots=True)
class _Row:
    """foreign: what is said when gRPC itself or a stranger raised this status; its own text may hold addresses."""

    code: grpc.StatusCode
    http: int
    title: str
    foreign: str


_TABLE: Final[Mapping[Kind, _Row]] = MappingProxyType(
    {
        Kind.INVALID_ARGUMENT: _Row(grpc.StatusCode.INVALID_ARGUMENT, 400, "Invalid argument", "invalid argument"),
        Kind.UNAUTHENTICATED: _Row(grpc.StatusCode.UNAUTHENTICATED, 401, "Not authenticated", "not authenticated"),
        Kind.PERMISSION_DENIED: _Row(grpc.StatusCode.PERMISSION_DENIED, 403, "Permission denied", "permission denied"),
        Kind.NOT_FOUND: _Row(grpc.StatusCode.NOT_FOUND, 404, "Not found", "not found"),
        Kind.ALREADY_EXISTS: _Row(grpc.StatusCode.ALREADY_EXISTS, 409, "Already exists", "already exists"),
        Kind.FAILED_PRECONDITION: _Row(
            grpc.StatusCode.FAILED_PRECONDITION, 400, "Failed precondition", "a precondition failed"
        ),
        Kind.OUT_OF_RANGE: _Row(grpc.StatusCode.OUT_OF_RANGE, 400, "Out of range", "out of range"),
        Kind.ABORTED: _Row(grpc.StatusCode.ABORTED, 409, "Aborted", "aborted by a concurrent change"),
        Kind.RESOURCE_EXHAUSTED: _Row(
            grpc.StatusCode.RESOURCE_EXHAUSTED, 429, "Resource exhausted", "a limit is reached"
        ),
        Kind.UNAVAILABLE: _Row(grpc.StatusCode.UNAVAILABLE, 503, "Unavailable", "a peer is unavailable"),
        Kind.DEADLINE_EXCEEDED: _Row(
            grpc.StatusCode.DEADLINE_EXCEEDED, 504, "Deadline exceeded", "the deadline passed"
        ),
        Kind.CANCELLED: _Row(grpc.StatusCode.CANCELLED, 499, "Cancelled", "the call was cancelled"),
        Kind.UNIMPLEMENTED: _Row(grpc.StatusCode.UNIMPLEMENTED, 501, "Not implemented", "not implemented"),
        Kind.INTERNAL: _Row(grpc.StatusCode.INTERNAL, 500, "Internal error", INTERNAL_MESSAGE),
    }
)
# UNKNOWN, DATA_LOSS and an OK that was raised mean nothing to a caller: they are INTERNAL.
_KINDS: Final[Mapping[grpc.StatusCode, Kind]] = MappingProxyType({row.code: kind for kind, row in _TABLE.items()})

_BY_NUMBER: Final[Mapping[int, Kind]] = MappingProxyType({code.value[0]: kind for code, kind in _KINDS.items()})


def to_status(error: Error) -> tuple[grpc.StatusCode, str, bytes]:
    """Status code, message and a serialised google.rpc.Status with details, small enough for trailers."""
    code = _TABLE[error.kind].code
    message = _shortened(error.message, _LONGEST_MESSAGE)
    violations = _MOST_VIOLATIONS
    while True:
        status = status_pb2.Status(code=code.value[0], message=message)
        for detail in _details(error, message, violations):
            status.details.add().Pack(detail)
        if status.ByteSize() <= _LARGEST_STATUS or not violations:
            return code, message, status.SerializeToString()
        violations //= 2


def from_rpc_error(error: grpc.RpcError) -> Error:
    """The error that a peer raised; the text of what gRPC itself raised is replaced, for it may hold addresses."""
    code = error.code() if isinstance(error, (grpc.aio.AioRpcError, grpc.Call)) else grpc.StatusCode.UNKNOWN
    cls = BY_KIND[_KINDS.get(code, Kind.INTERNAL)]
    status = _status_of(error)
    if status is not None:
        typed = _typed(cls, status)
        if typed is not None:
            return typed
    text = error.details() or "" if isinstance(error, (grpc.aio.AioRpcError, grpc.Call)) else ""
    if cls is ResourceExhausted and (sizes := _TOO_LARGE.search(text)):
        return too_large(int(sizes[1]), int(sizes[2]))
    return cls(_TABLE[cls.kind].foreign)


def from_status(raw: bytes) -> Error:
    """The error of a serialised google.rpc.Status, as `to_status` makes it."""
    try:
        status = status_pb2.Status.FromString(raw)
    except DecodeError:
        return Internal(INTERNAL_MESSAGE)
    cls = BY_KIND[_BY_NUMBER.get(status.code, Kind.INTERNAL)]
    return _typed(cls, status) or cls(_TABLE[cls.kind].foreign)


def to_problem(error: Error) -> dict[str, Any]:
    """An RFC 9457 problem that also carries `"error": {"code": <http>, "message": ...}`."""
    http = 413 if error.reason == MESSAGE_TOO_LARGE else http_status(error.kind)
    problem: dict[str, Any] = {
        "type": f"urn:forgepoint:error:{error.reason}",
        "title": _TABLE[error.kind].title,
        "status": http,
        "detail": error.message,
        "kind": error.kind.value,
        "reason": error.reason,
        "error": {"code": http, "message": error.message},
    }
    if error.fields:
        problem["fields"] = [{"field": bad.field, "description": bad.description} for bad in error.fields]
    if error.retry_after is not None:
        problem["retryAfter"] = error.retry_after
    if error.metadata:
        problem["metadata"] = error.metadata
    return problem


def kind_of(status: int) -> Kind:
    """The kind of a gRPC status."""
    return _BY_NUMBER.get(status, Kind.INTERNAL)


def http_status(kind: Kind) -> int:
    """The HTTP status of a kind, as google.rpc.Code maps it."""
    return _TABLE[kind].http


def too_large(size: int, limit: int, *, field: str = "message") -> ResourceExhausted:
    """The error for a message of `size` bytes where `limit` bytes are allowed."""
    return ResourceExhausted(
        f"the {field} has {size} bytes, at most {limit} are allowed",
        reason=MESSAGE_TOO_LARGE,
        fields=(FieldViolation(field, f"has {size} bytes, at most {limit} are allowed"),),
        metadata={"size_bytes": str(size), "limit_bytes": str(limit)},
    )


def _details(error: Error, message: str, violations: int) -> Iterable[Message]:
    facts = {_shortened(key, 64): _shortened(value, 256) for key, value in list(error.metadata.items())[:8]}
    yield error_details_pb2.ErrorInfo(reason=_shortened(error.reason, 64), domain=DOMAIN, metadata=facts)
    bad = error_details_pb2.BadRequest()
    for violation in error.fields[:violations]:
        bad.field_violations.add(
            field=_shortened(violation.field, 128), description=_shortened(violation.description, 256)
        )
    if bad.field_violations:
        yield bad
    if error.retry_after is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromNanoseconds(round(error.retry_after * 1e9))
        yield retry
    if error.kind is Kind.RESOURCE_EXHAUSTED and (quota := facts.get("quota")):
        failure = error_details_pb2.QuotaFailure()
        failure.violations.add(subject=quota, description=message)
        yield failure
    # The detail message of the wire contract, for clients that do not know google.rpc.
    field = bad.field_violations[0].field if bad.field_violations else ""
    yield common_pb2.ErrorDetail(code=_shortened(error.reason, 64), message=_shortened(message, 128), field=field)


def _status_of(error: grpc.RpcError) -> status_pb2.Status | None:
    metadata = error.trailing_metadata() if isinstance(error, (grpc.aio.AioRpcError, grpc.Call)) else None
    for key, value in metadata or ():
        if key == headers.STATUS_DETAILS and isinstance(value, bytes):
            try:
                return status_pb2.Status.FromString(value)
            except DecodeError:
                return None
    return None


def _typed(cls: type[Error], status: status_pb2.Status) -> Error | None:
    """The error as it was raised; None when the details are not of this platform."""
    info = error_details_pb2.ErrorInfo()
    bad = error_details_pb2.BadRequest()
    retry = error_details_pb2.RetryInfo()
    has_retry = False
    for detail in status.details:
        if detail.Is(info.DESCRIPTOR):
            detail.Unpack(info)
        elif detail.Is(bad.DESCRIPTOR):
            detail.Unpack(bad)
        elif detail.Is(retry.DESCRIPTOR):
            has_retry = detail.Unpack(retry)
    if info.domain != DOMAIN:
        return None
    return cls(
        INTERNAL_MESSAGE if cls is Internal else status.message,
        reason=info.reason,
        fields=[FieldViolation(violation.field, violation.description) for violation in bad.field_violations],
        retry_after=seconds_of(retry.retry_delay) if has_retry else None,
        metadata=info.metadata,
    )


def _shortened(text: str, limit: int) -> str:
    """At most `limit` bytes of UTF-8."""
    raw = text.encode()
    return text if len(raw) <= limit else raw[: limit - 3].decode(errors="ignore") + "..."
