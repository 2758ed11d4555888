"""An RPC as plain HTTP: a document as its request, and a document as its answer."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from fp_kernel import Replayed

from fp_rpc import headers
from fp_rpc.conversions import Conversions
from fp_rpc.http2.http_paths import HttpPaths
from fp_rpc.http2.http_stream import Handle, HttpAnswer, HttpRequest, HttpRoute
from fp_rpc.server.incoming_call import IncomingCall, current_call
from fp_rpc.server.method import Method

_NULL: Final = b"\\u0000"


class Asked(Protocol):
    """What a document asks for. message: of the RPC."""

    @property
    def message(self) -> Any: ...

    def answer(self, response: Any) -> tuple[bytes, Mapping[str, str], str]:
        """Body, headers and media type. Raises errors of the kernel."""
        ...


Read = Callable[[bytes, Mapping[str, Any], Mapping[str, str]], Asked]
"""Of a body, the headers of its request and the parameters of its path. Raises errors of the kernel."""


class HttpCalls:
    """The paths of plain HTTP, and what converts their documents. limit: bytes of a body. seconds: of a call."""

    def __init__(self, limit: int, seconds: float) -> None:
        self.paths = HttpPaths()
        self.conversions = Conversions()
        self._limit, self._seconds = limit, seconds

    def add(self, templates: Iterable[str], handle: Handle) -> None:
        for template in templates:
            self.paths.add(template, HttpRoute(handle, self._limit, self._seconds))


@dataclass(frozen=True, slots=True)
class HttpMethod(Method):
    """Its requests stay as they came until the handler reads them, off the loop where they are large."""

    def resource_of(self, request: Any) -> str:
        if isinstance(request, HttpRequest):
            return next(iter(request.values.values()), "")[:200]
        return Method.resource_of(self, request)


def http_method(method: Method, response: Callable[[bytes], Any], read: Read, conversions: Conversions) -> HttpMethod:
    """response: reads the RPC's answer, which may be the stored one of a repeated command."""

    async def behave(request: HttpRequest, context: Any) -> HttpAnswer:
        call = current_call()
        call.deadline = time.monotonic() + context.time_remaining()
        asked = await conversions.run(len(request), lambda: _read(read, request, method))
        if isinstance(call, IncomingCall):
            call.request = asked.message
        found = await _answered(method, asked.message, context)
        message = response(found) if isinstance(found, bytes) else found
        answer = await conversions.run(message.ByteSize(), lambda: asked.answer(message))
        return _answer(*answer, call.metadata.get(headers.REQUEST_ID, ""), call.correlation_id)

    return HttpMethod(
        path=method.path,
        label=method.label,
        rule=method.rule,
        behaviour=behave,
        deserializer=None,
        serializer=None,
        streams_requests=False,
        streams_responses=False,
        resource_fields=method.resource_fields,
        attributes=method.attributes,
        limit=method.limit,
        nulls=method.nulls,
    )


def _read(read: Read, request: HttpRequest, method: Method) -> Asked:
    asked = read(request.body, request.sent, request.values)
    # In JSON there is no other way to write it; parameters of a path may hold it too.
    if _NULL in request.body or any("\0" in value for value in request.values.values()):
        method.nulls.check(asked.message)
    return asked


async def _answered(method: Method, message: Any, context: Any) -> Any:
    try:
        return await method.behaviour(message, context)
    except Replayed as replayed:
        context.set_trailing_metadata((*(context.trailing_metadata() or ()), (headers.REPLAYED, "true")))
        return replayed.response


def _answer(body: bytes, fields: Mapping[str, str], kind: str, own: str, correlation: str) -> HttpAnswer:
    return HttpAnswer(body, kind, {**fields, headers.REQUEST_ID: headers.well_formed_id(own) or correlation})
