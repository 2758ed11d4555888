"""The status of a failed call as its caller may see it: no addresses, no texts of gRPC itself."""

from dataclasses import dataclass

import grpc
from fp_kernel import DeadlineExceeded, Error, Internal, ResourceExhausted, Unavailable
from fp_rpc.errors import from_rpc_error, to_status

from fp_gateway.metadata import Pair, to_caller

DETAILS = "grpc-status-details-bin"
MAX_MESSAGE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Failure:
    code: grpc.StatusCode
    message: str
    trailers: tuple[Pair, ...]


def of_error(error: Error) -> Failure:
    code, message, details = to_status(error)
    return Failure(code, message, ((DETAILS, details),))


def of_call(error: grpc.aio.AioRpcError, noun: str) -> Failure:
    """A service's own status unchanged; a failure of the transport in our words, because gRPC's hold an address."""
    trailers = to_caller(error.trailing_metadata())
    if any(key == DETAILS for key, _ in trailers):
        return Failure(error.code(), error.details() or "", tuple(trailers))
    return of_error(_transport(error, noun))


def as_error(error: grpc.aio.AioRpcError, noun: str) -> Error:
    """What `of_call` does, as an error, for HTTP."""
    if any(key == DETAILS for key, _ in error.trailing_metadata() or ()):
        return from_rpc_error(error)
    return _transport(error, noun)


def _transport(error: grpc.aio.AioRpcError, noun: str) -> Error:
    code = error.code()
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return DeadlineExceeded(f"{noun} did not answer in time")
    if code is grpc.StatusCode.UNAVAILABLE:
        return Unavailable(f"{noun} is not available", retry_after=1.0)
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return ResourceExhausted(f"the answer of {noun} is larger than {MAX_MESSAGE_BYTES} bytes")
    if code in (grpc.StatusCode.CANCELLED, grpc.StatusCode.UNIMPLEMENTED):
        return from_rpc_error(error)
    return Internal("internal error")
