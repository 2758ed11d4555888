"""RPCs from HTTP handlers: the request's credential, idempotency key and trace go along."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import grpc
from fp_telemetry import inject
from google.protobuf.message import Message
from starlette.requests import Request

from fp_gateway.backends import Backends
from fp_gateway.failures import as_error
from fp_gateway.http.bind import response_message
from fp_gateway.metadata import Pair, to_service
from fp_gateway.methods import Method

# Browsers and other programs spell it with a capital; metadata keys are lower case.
_HEADERS = ("authorization", "idempotency-key", "fp-position", "fp-correlation-id")


class Caller:
    """methods: every RPC by its path. timeout: seconds for a unary call."""

    def __init__(self, methods: Mapping[str, Method], backends: Backends, timeout: float) -> None:
        self._methods = methods
        self._calls = {path: backends.callable_for(method) for path, method in methods.items()}
        self._timeout = timeout

    def method(self, path: str) -> Method:
        return self._methods[path]

    async def unary(self, path: str, message: Message, request: Request) -> tuple[Message, Mapping[str, str]]:
        """Answer the response and the metadata for the caller's headers; raises fp_kernel errors."""
        method = self._methods[path]
        call = self._calls[path](message.SerializeToString(), metadata=_metadata(request), timeout=self._timeout)
        try:
            data = await call
            trailers = {key: value for key, value in await call.trailing_metadata() if isinstance(value, str)}
        except grpc.aio.AioRpcError as error:
            raise as_error(error, method.noun) from None
        return response_message(method, data), trailers

    async def stream(self, path: str, message: Message, request: Request, limit: float) -> AsyncIterator[Message]:
        """Yield the messages of a server stream; raises fp_kernel errors. Close it to end the call."""
        method = self._methods[path]
        call: Any = self._calls[path](message.SerializeToString(), metadata=_metadata(request), timeout=limit)
        try:
            async for data in call:
                yield response_message(method, data)
        except grpc.aio.AioRpcError as error:
            raise as_error(error, method.noun) from None
        finally:
            call.cancel()


def _metadata(request: Request) -> list[Pair]:
    carrier: dict[str, str] = {}
    inject(carrier)
    sent: list[Pair] = [(key, request.headers[key]) for key in _HEADERS if key in request.headers]
    return [*to_service(sent), *carrier.items()]
