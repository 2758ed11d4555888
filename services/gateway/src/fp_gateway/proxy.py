"""gRPC pass-through: every RPC of the platform, as bytes, to the service that its descriptor names."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import grpc
from fp_kernel import Unavailable
from fp_rpc.addresses import ip_of
from fp_rpc.client.peer_status import PeerStatus
from fp_rpc.errors import too_large
from fp_telemetry import extract, inject, span
from opentelemetry.trace import SpanKind

from fp_gateway.backends import Backends
from fp_gateway.client_address import ClientAddressHeaders
from fp_gateway.failures import MAX_MESSAGE_BYTES, Failure, of_call, of_error
from fp_gateway.metadata import Pair, to_caller, to_service
from fp_gateway.methods import Method
from fp_gateway.trusted_proxies import FORWARDED_FOR

Context = Any


@dataclass(frozen=True, slots=True)
class ProxyPolicy:
    """default_deadline: seconds for a unary call without one. stream_deadline: the same for streams.

    longest_deadline: seconds; a caller's own deadline passes unchanged up to it.
    """

    default_deadline: float = 30.0
    stream_deadline: float = 1_800.0
    longest_deadline: float = 3_600.0


class Proxy(grpc.GenericRpcHandler):
    """Passes calls of known methods to their services; grpc itself answers UNIMPLEMENTED for any other."""

    def __init__(
        self, methods: Mapping[str, Method], backends: Backends, addresses: ClientAddressHeaders, policy: ProxyPolicy
    ) -> None:
        self._addresses = addresses
        self._policy = policy
        self._handlers = {path: self._handler(method, backends) for path, method in methods.items()}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[Any, Any] | None":
        return self._handlers.get(handler_call_details.method)

    def _handler(self, method: Method, backends: Backends) -> "grpc.RpcMethodHandler[Any, Any]":
        call = backends.callable_for(method)
        limit = self._policy.stream_deadline if method.server_streaming else self._policy.default_deadline
        make: dict[tuple[bool, bool], Callable[..., grpc.RpcMethodHandler[Any, Any]]] = {
            (False, False): grpc.unary_unary_rpc_method_handler,
            (False, True): grpc.unary_stream_rpc_method_handler,
            (True, False): grpc.stream_unary_rpc_method_handler,
            (True, True): grpc.stream_stream_rpc_method_handler,
        }
        start = _Start(method, call, limit, self._policy.longest_deadline, self._addresses)
        behaviour = _streaming(start) if method.server_streaming else _unary(start)
        return make[method.client_streaming, method.server_streaming](behaviour)


@dataclass(frozen=True, slots=True)
class _Start:
    """Begins a call of one method at its service.

    limit: seconds for a call whose caller set no deadline. longest: seconds for any other at most.
    """

    method: Method
    call: Any
    limit: float
    longest: float
    addresses: ClientAddressHeaders

    async def __call__(self, request: Any, context: Context) -> Any:
        remaining = context.time_remaining()
        timeout = self.limit if remaining is None else min(remaining, self.longest)
        if self.method.client_streaming:
            request = _bounded(request, context)
        elif len(request) > MAX_MESSAGE_BYTES:
            await _fail(context, of_error(too_large(len(request), MAX_MESSAGE_BYTES)))
        return self.call(request, metadata=self._metadata(context), timeout=timeout)

    def _metadata(self, context: Context) -> list[Pair]:
        """The caller's allowed metadata, with our own span as the parent."""
        carrier: dict[str, str] = {}
        inject(carrier)
        sent = context.invocation_metadata() or ()
        passed = [(key, value) for key, value in to_service(sent) if key not in carrier]
        forwarded = ",".join(value for key, value in sent if key == FORWARDED_FOR and isinstance(value, str))
        return [*passed, *self.addresses.headers(ip_of(context.peer()), forwarded), *carrier.items()]


def _unary(start: _Start) -> Callable[[Any, Context], Awaitable[bytes]]:
    method = start.method

    async def answer(request: Any, context: Context) -> bytes:
        with span(method.path, kind=SpanKind.SERVER, parent=extract(_text(context))):
            call = await start(request, context)
            status = PeerStatus(call) if method.client_streaming else None
            try:
                response: bytes = await call
            except grpc.aio.AioRpcError as error:
                of_service = await _of_service(status, error)
                # None: the service had answered OK, and gRPC dropped the answer when a write failed.
                lost = of_error(Unavailable("the answer was lost"))
                await _fail(context, lost if of_service is None else of_call(of_service, method.noun))
            context.set_trailing_metadata(to_caller(await call.trailing_metadata()))
            return response

    return answer


def _streaming(start: _Start) -> Callable[[Any, Context], AsyncIterator[bytes]]:
    method = start.method

    async def answer(request: Any, context: Context) -> AsyncIterator[bytes]:
        with span(method.path, kind=SpanKind.SERVER, parent=extract(_text(context))):
            call = await start(request, context)
            status = PeerStatus(call) if method.client_streaming else None
            try:
                async for message in call:
                    yield message
            except grpc.aio.AioRpcError as error:
                of_service = await _of_service(status, error)
                if of_service is not None:
                    await _fail(context, of_call(of_service, method.noun))
            finally:
                # Else the service would go on streaming after its caller has left.
                call.cancel()
            context.set_trailing_metadata(to_caller(await call.trailing_metadata()))

    return answer


async def _bounded(messages: AsyncIterator[bytes], context: Context) -> AsyncIterator[bytes]:
    async for message in messages:
        if len(message) > MAX_MESSAGE_BYTES:
            await _fail(context, of_error(too_large(len(message), MAX_MESSAGE_BYTES)))
        yield message


async def _of_service(status: PeerStatus | None, error: grpc.aio.AioRpcError) -> grpc.aio.AioRpcError | None:
    """The service's own failure, also when a write met the end of its stream; None when it had ended with OK."""
    return await status.of_peer(error) if status else error


def _text(context: Context) -> dict[str, str]:
    return {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}


async def _fail(context: Context, failure: Failure) -> NoReturn:
    await context.abort(failure.code, failure.message, failure.trailers)
    raise AssertionError("abort returns never")
