"""What each HTTP request goes through before its route: its id, its trace, its figures, its line in the log."""

import time
from typing import Any, Final

import orjson
from fp_kernel import InvalidArgument, new_id
from fp_rpc import headers
from fp_rpc.errors import to_problem
from fp_telemetry import Metrics, correlation_id, extract, get_logger, names, span
from opentelemetry.trace import SpanKind
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fp_gateway.http.shares import Shares

_log = get_logger("fp_gateway.access")
_VERBS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# A label has few values: what is no route, or no method, is one.
_OTHER: Final = "other"
_LABELS: Final = ("route", "method", "code")
# The code of a request whose caller left before the answer began.
_LEFT: Final = 499


class Front:
    """Plain ASGI: starlette's own middleware class would buffer streams.

    shares: of callers, who leave with their request.
    access_log: a line for each request, without its query, its headers and its address.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, shares: Shares, *, access_log: bool = True) -> None:
        self._app = app
        self._shares = shares
        self._access_log = access_log
        self._in_flight = 0
        self._requests = metrics.counter(names.HTTP_REQUESTS, "HTTP requests by route.", _LABELS)
        self._seconds = metrics.histogram(
            names.HTTP_DURATION, "Seconds from the head of a request to the end of its answer.", ("route", "method")
        )
        metrics.gauge(names.HTTP_IN_FLIGHT, "HTTP requests being handled.").set_function(lambda: self._in_flight)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sent = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
        request = _Request(scope, sent, send)
        correlation_id.set(request.correlation)
        self._in_flight += 1
        attributes = {"http.request.method": scope["method"], "url.path": scope["path"]}
        try:
            with span(f"HTTP {scope['method']}", kind=SpanKind.SERVER, attributes=attributes, parent=extract(sent)):
                await request.run(self._app, receive)
        finally:
            self._in_flight -= 1
            self._shares.leave(scope)
            self._ended(request)

    def _ended(self, request: "_Request") -> None:
        seconds, route, method = time.monotonic() - request.started, request.route(), request.method()
        self._requests.labels(route, method, str(request.status)).inc()
        self._seconds.labels(route, method).observe(seconds)
        if self._access_log:
            _log.info(
                "http request",
                method=method,
                route=route,
                status=request.status,
                milliseconds=round(seconds * 1_000, 2),
                bytes_sent=request.bytes_sent,
                request_id=request.id,
            )


class _Request:
    """One request, as `Front` sees it. id: what its caller can quote. correlation: the id that services log."""

    def __init__(self, scope: Scope, sent: dict[str, str], send: Send) -> None:
        self.started = time.monotonic()
        self.status = _LEFT
        self.bytes_sent = 0
        own = headers.well_formed_id(sent.get(headers.REQUEST_ID))
        self.correlation = headers.well_formed_id(sent.get(headers.CORRELATION_ID)) or own or new_id()
        self.id = own or self.correlation
        self._scope = scope
        self._sent = sent
        self._send = send

    async def run(self, app: ASGIApp, receive: Receive) -> None:
        if "transfer-encoding" in self._sent and "content-length" in self._sent:
            await self._refuse_framing()
            return
        path = self._scope["path"]
        if len(path) > 1 and path.endswith("/"):
            self._scope["path"] = path[:-1]
        await app(self._scope, receive, self.send)

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            given = [pair for pair in message["headers"] if pair[0] != b"x-request-id"]
            message["headers"] = [*given, (b"x-request-id", self.id.encode())]
        self.bytes_sent += len(message.get("body", b""))
        await self._send(message)

    def route(self) -> str:
        return getattr(self._scope.get("route"), "path", _OTHER)

    def method(self) -> str:
        method: str = self._scope["method"]
        return method if method in _VERBS else _OTHER

    async def _refuse_framing(self) -> None:
        """Two lengths: a proxy before us that goes by the other one sees other borders between requests."""
        problem: dict[str, Any] = to_problem(
            InvalidArgument("content-length and transfer-encoding together are refused", reason="AMBIGUOUS_LENGTH")
        )
        kind = (b"content-type", b"application/problem+json")
        status = problem["status"]
        await self.send({"type": "http.response.start", "status": status, "headers": [kind, (b"connection", b"close")]})
        await self.send({"type": "http.response.body", "body": orjson.dumps(problem)})
