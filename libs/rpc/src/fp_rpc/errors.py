"""The one table of errors: `fp_kernel` kinds, gRPC status, google.rpc details, HTTP status."""

from typing import Any

import grpc
from fp_kernel import Error, Kind


def to_status(error: Error) -> tuple[grpc.StatusCode, str, bytes]:
    """Status code, message and a serialised google.rpc.Status with details, small enough for trailers."""
    raise NotImplementedError


def from_rpc_error(error: grpc.RpcError) -> Error:
    """The error that a peer raised; the text of what gRPC itself raised is replaced, for it may hold addresses."""
    raise NotImplementedError


def to_problem(error: Error) -> dict[str, Any]:
    """An RFC 9457 problem that also carries `"error": {"code": <http>, "message": ...}`."""
    raise NotImplementedError


def http_status(kind: Kind) -> int:
    raise NotImplementedError
