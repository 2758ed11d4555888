"""RPCs of HTTP handlers: the request's credential, idempotency key and trace go along."""

import re
from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import Any

import grpc
from fp_kernel import Unauthenticated, invalid
from fp_rpc import headers
from fp_telemetry import correlation_id, inject
from google.protobuf.message import Message
from starlette.requests import Request

from fp_gateway.backends import Backends
from fp_gateway.client_address import ClientAddressHeaders, said_of_client
from fp_gateway.failures import as_error
from fp_gateway.http.bind import response_message
from fp_gateway.metadata import REQUEST, Pair, to_caller
from fp_gateway.methods import Method

# What gRPC takes as metadata; beyond 8 KiB in all a service refuses the call.
_FIT = re.compile(r"[\x20-\x7e]{1,4096}")
# These change what the request does, so that a bad one is refused; a bad id for tracing is left out.
_REFUSED_WHEN_BAD = frozenset({headers.IDEMPOTENCY_KEY, headers.POSITION})


_NAMES = {name.encode(): name for name in REQUEST}


class RpcClient:
    """methods: every RPC by its path. timeout: seconds for a unary call."""

    def __init__(
        self, methods: Mapping[str, Method], backends: Backends, addresses: ClientAddressHeaders, timeout: float
    ) -> None:
        self._methods = methods
        self._addresses = addresses
        self._calls = {path: backends.callable_for(method) for path, method in methods.items()}
        self._timeout = timeout

    def method(self, path: str) -> Method:
        return self._methods[path]

    async def unary(
        self, path: str, message: Message, request: Request, limit: float | None = None, *, bearer: str = ""
    ) -> tuple[Message, Mapping[str, str]]:
        """Answer the response and the metadata for the caller's headers; raises fp_kernel errors.

        limit: seconds, where they are not the usual ones. bearer: the credential, in place of the request's own.
        """
        method = self._methods[path]
        call = self._calls[path](
            message.SerializeToString(), metadata=self._metadata(request, bearer), timeout=limit or self._timeout
        )
        try:
            data = await call
            trailers = {
                key: value for key, value in to_caller(await call.trailing_metadata()) if isinstance(value, str)
            }
        except grpc.aio.AioRpcError as error:
            raise as_error(error, method.noun) from None
        return response_message(method, data), trailers

    async def stream(self, path: str, message: Message, request: Request, limit: float) -> AsyncGenerator[Message]:
        """Yield the messages of a server stream; raises fp_kernel errors. Close it to end the call."""
        method = self._methods[path]
        call: Any = self._calls[path](message.SerializeToString(), metadata=self._metadata(request), timeout=limit)
        try:
            async for data in call:
                yield response_message(method, data)
        except grpc.aio.AioRpcError as error:
            raise as_error(error, method.noun) from None
        finally:
            call.cancel()

    def _metadata(self, request: Request, bearer: str = "") -> list[Pair]:
        carrier: dict[str, str] = {}
        inject(carrier)
        if bearer:
            carrier[headers.AUTHORIZATION] = f"Bearer {bearer}"
        if correlation := correlation_id.get():
            # The caller's own, or the one that the answer names.
            carrier[headers.CORRELATION_ID] = correlation
        sent = [(key, value) for key, value in _sent(request) if key not in carrier]
        peer = request.client.host if request.client else ""
        return [*sent, *self._addresses.headers(peer, said_of_client(request.headers.getlist)), *carrier.items()]


def _sent(request: Request) -> Iterator[Pair]:
    """The headers that go along. Raises Unauthenticated, InvalidArgument naming the header."""
    # The server has made the names lower case. Of a header that came several times the first counts.
    given: dict[str, str] = {}
    for raw, said in request.headers.raw:
        if (name := _NAMES.get(raw)) is not None:
            given.setdefault(name, said.decode("latin-1"))
    for key, value in sorted(given.items()):
        if _FIT.fullmatch(value):
            yield key, value
        elif key == headers.AUTHORIZATION:
            raise Unauthenticated("authorization must be `Bearer <credential>`", reason="CREDENTIAL_MALFORMED")
        elif key in _REFUSED_WHEN_BAD:
            raise invalid(key, "must be 1 to 4096 printable ASCII characters")
