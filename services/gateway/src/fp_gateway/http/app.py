"""The public HTTP application."""

from collections.abc import Awaitable, Callable

import orjson
from fp_telemetry import extract, span
from opentelemetry.trace import SpanKind
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as HttpRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from fp_gateway.http import bind, dashboard, documents, predict, session, watch
from fp_gateway.http.answers import answering
from fp_gateway.http.caller import Caller
from fp_gateway.http.oip import routes as oip
from fp_gateway.http.room import Roomy
from fp_gateway.http.table import API, Route


def application(caller: Caller, serving: Callable[[], Awaitable[bool]], *, secure_cookies: bool) -> ASGIApp:
    """serving: whether predictions are answered at the moment.

    secure_cookies: off where people use plain HTTP; what ends HTTPS before us does not show in a request.
    """
    routes = [
        *session.routes(caller, secure=secure_cookies),
        *watch.routes(caller),
        *dashboard.routes(caller),
        *(HttpRoute(f"/api/v1{route.path}", answering(_rpc(route, caller)), methods=[route.verb]) for route in API),
        *predict.routes(caller),
        *oip.routes(caller, serving),
    ]
    return Traced(Roomy(Starlette(routes=routes, exception_handlers={HTTPException: _not_a_route})))


class Traced:
    """One span a request; a middleware of plain ASGI, because streams must not be buffered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
        attributes = {"http.request.method": scope["method"], "url.path": scope["path"]}
        with span(f"HTTP {scope['method']}", kind=SpanKind.SERVER, attributes=attributes, parent=extract(headers)):
            await self._app(scope, receive, send)


def _rpc(route: Route, caller: Caller) -> Callable[[Request], Awaitable[Response]]:
    method = caller.method(route.method)

    async def handle(request: Request) -> Response:
        message = await bind.request_message(request, route, method)
        response, trailers = await caller.unary(route.method, message, request)
        answer = await bind.beside(response.ByteSize(), lambda: documents.to_json(response))
        return Response(answer, route.status, dict(trailers), "application/json")

    return handle


async def _not_a_route(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = {404: "no such route", 405: "the route does not take this method"}.get(status, "bad request")
    document = {"type": "about:blank", "title": detail, "status": status, "error": {"code": status, "message": detail}}
    return Response(orjson.dumps(document), status, media_type="application/problem+json")
