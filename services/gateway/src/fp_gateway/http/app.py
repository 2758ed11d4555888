"""The public HTTP application."""

from collections.abc import Awaitable, Callable

import orjson
from fp_kernel import off_loop
from fp_telemetry import extract, span
from opentelemetry.trace import SpanKind
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as HttpRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from fp_gateway.http import bind, dashboard, oauth, predict, protojson, session, sse
from fp_gateway.http.body_limit import BodyLimit
from fp_gateway.http.oip import routes as oip
from fp_gateway.http.pages.accounts import AccountPages
from fp_gateway.http.pages.forms import Forms
from fp_gateway.http.pages.programs import ProgramPages
from fp_gateway.http.pages.sign_in import SignInPages
from fp_gateway.http.responses import with_problems
from fp_gateway.http.route_table import API, Route
from fp_gateway.http.rpc_client import RpcClient


def application(
    rpc: RpcClient, serving: Callable[[], Awaitable[bool]], *, secure_cookies: bool, issuer: str, public_url: str
) -> ASGIApp:
    """serving: whether predictions are answered at the moment. issuer, public_url: see `oauth.routes`.

    secure_cookies: off where people use plain HTTP; a proxy that ends HTTPS before us cannot be seen in a request.
    """
    forms = Forms(secure=secure_cookies)
    routes = [
        *session.routes(rpc, secure=secure_cookies),
        *SignInPages(rpc, forms, secure=secure_cookies).routes(),
        *ProgramPages(rpc, forms).routes(),
        *AccountPages(rpc, forms).routes(),
        *oauth.routes(rpc, issuer=issuer, public_url=public_url),
        *sse.routes(rpc),
        *dashboard.routes(rpc),
        *(HttpRoute(f"/api/v1{route.path}", with_problems(_rpc(route, rpc)), methods=[route.verb]) for route in API),
        *predict.routes(rpc),
        *oip.routes(rpc, serving),
    ]
    return Traced(BodyLimit(Starlette(routes=routes, exception_handlers={HTTPException: _not_a_route})))


class Traced:
    """One span a request. Plain ASGI: starlette's own middleware class would buffer streams."""

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


def _rpc(route: Route, rpc: RpcClient) -> Callable[[Request], Awaitable[Response]]:
    method = rpc.method(route.method)

    async def handle(request: Request) -> Response:
        message = await bind.request_message(request, route, method)
        response, trailers = await rpc.unary(route.method, message, request)
        answer = await off_loop(response.ByteSize(), lambda: protojson.to_json(response))
        return Response(answer, route.status, dict(trailers), "application/json")

    return handle


async def _not_a_route(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = {404: "no such route", 405: "the route does not take this method"}.get(status, "bad request")
    document = {"type": "about:blank", "title": detail, "status": status, "error": {"code": status, "message": detail}}
    return Response(orjson.dumps(document), status, media_type="application/problem+json")
