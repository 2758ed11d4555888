"""gRPC pass-through: every RPC of the platform, as bytes, to the service that its descriptor names."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import grpc
from fp_kernel import Unavailable
from fp_rpc.client.peer_status import PeerStatus
from fp_telemetry import extract, inject, span
from opentelemetry.trace import SpanKind

from fp_gateway.backends import Backends
from fp_gateway.failures import of_call, of_error
from fp_gateway.metadata import to_caller
from fp_gateway.methods import Method
from fp_gateway.passage import Passage, Passages

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
    """Passes calls of known methods to their services; grpc itself answers UNIMPLEMENTED for any other.

    On the wire a single request is a stream of one: gRPC would read it before it calls us, whoever sent it.
    """

    def __init__(
        self, methods: Mapping[str, Method], backends: Backends, passages: Passages, policy: ProxyPolicy
    ) -> None:
        self._passages = passages
        self._policy = policy
        self._handlers = {path: self._handler(method, backends) for path, method in methods.items()}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[Any, Any] | None":
        return self._handlers.get(handler_call_details.method)

    def _handler(self, method: Method, backends: Backends) -> "grpc.RpcMethodHandler[Any, Any]":
        route = _Route(
            method,
            backends.callable_for(method),
            self._policy.stream_deadline if method.server_streaming else self._policy.default_deadline,
            self._policy,
            self._passages,
            counted=not backends.ends_here(method),
        )
        if method.server_streaming:
            return grpc.stream_stream_rpc_method_handler(_streaming(route))
        return grpc.stream_unary_rpc_method_handler(_unary(route))


@dataclass(frozen=True, slots=True)
class _Route:
    """Where the calls of one method go. limit: seconds for a call whose caller set no deadline."""

    method: Method
    call: Any
    limit: float
    policy: ProxyPolicy
    passages: Passages
    counted: bool

    def passage(self, context: Context) -> Passage:
        return Passage(self.passages, self.method, context, counted=self.counted)

    async def begin(self, passage: Passage, requests: Any, context: Context) -> Any:
        """The call at the service, once its caller is known and his message read. Raises what refuses it."""
        await passage.enter()
        remaining = context.time_remaining()
        if self.method.client_streaming:
            request: Any = passage.messages(requests)
        else:
            request = await passage.read(self.policy.default_deadline if remaining is None else None)
            remaining = context.time_remaining()
        timeout = self.limit if remaining is None else min(remaining, self.policy.longest_deadline)
        carrier: dict[str, str] = {}
        inject(carrier)
        return self.call(request, metadata=passage.metadata(carrier), timeout=timeout)


def _unary(route: _Route) -> Callable[[Any, Context], Awaitable[bytes]]:
    method = route.method

    async def answer(requests: Any, context: Context) -> bytes:
        passage = route.passage(context)
        try:
            with span(method.path, kind=SpanKind.SERVER, parent=extract(passage.texts)):
                call = await route.begin(passage, requests, context)
                status = PeerStatus(call) if method.client_streaming else None
                try:
                    response: bytes = await call
                except grpc.aio.AioRpcError as error:
                    of_service = await _of_service(status, error)
                    # None: the service had answered OK, and gRPC dropped the answer when a write failed.
                    lost = of_error(Unavailable("the answer was lost"))
                    await passage.fail(lost if of_service is None else of_call(of_service, method.noun))
                context.set_trailing_metadata(to_caller(await call.trailing_metadata()))
                return response
        except BaseException as failure:  # noqa: BLE001 -- every way out is answered and counted
            await _ended(passage, failure)
        finally:
            passage.leave()

    return answer


def _streaming(route: _Route) -> Callable[[Any, Context], AsyncIterator[bytes]]:
    method = route.method

    async def answer(requests: Any, context: Context) -> AsyncIterator[bytes]:
        passage = route.passage(context)
        try:
            with span(method.path, kind=SpanKind.SERVER, parent=extract(passage.texts)):
                call = await route.begin(passage, requests, context)
                status = PeerStatus(call) if method.client_streaming else None
                try:
                    async for message in call:
                        yield message
                except grpc.aio.AioRpcError as error:
                    of_service = await _of_service(status, error)
                    if of_service is not None:
                        await passage.fail(of_call(of_service, method.noun))
                finally:
                    # Else the service would go on streaming after its caller has left.
                    call.cancel()
                context.set_trailing_metadata(to_caller(await call.trailing_metadata()))
        except BaseException as failure:  # noqa: BLE001 -- every way out is answered and counted
            await _ended(passage, failure)
        finally:
            passage.leave()

    return answer


async def _ended(passage: Passage, failure: BaseException) -> NoReturn:
    """Answer what was raised here; what ends the task goes on."""
    error = passage.failed(failure)
    if error is None:
        raise failure
    await passage.fail(of_error(error))


async def _of_service(status: PeerStatus | None, error: grpc.aio.AioRpcError) -> grpc.aio.AioRpcError | None:
    """The service's own failure, also when a write met the end of its stream; None when it had ended with OK."""
    return await status.of_peer(error) if status else error
