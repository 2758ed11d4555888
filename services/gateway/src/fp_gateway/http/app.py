"""The public HTTP application."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import orjson
from fp_rpc.conversions import Conversions
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.routing import Route as HttpRoute
from starlette.types import ASGIApp

from fp_gateway.http import bind, dashboard, deprecation, oauth, oip, predict, protojson, session, sse
from fp_gateway.http.body_limit import BodyLimit
from fp_gateway.http.door import Door
from fp_gateway.http.pages.accounts import AccountPages
from fp_gateway.http.pages.forms import Forms
from fp_gateway.http.pages.programs import ProgramPages
from fp_gateway.http.pages.sign_in import SignInPages
from fp_gateway.http.response_headers import EXPOSED, ResponseHeaders
from fp_gateway.http.responses import with_problems
from fp_gateway.http.route_table import API, Route
from fp_gateway.http.rpc_client import RpcClient

_CORS_SECONDS = 600


@dataclass(frozen=True, slots=True)
class HttpPolicy:
    """issuer, public_url: see `oauth.routes`. cors_origins: whose scripts may call; nobody's by default.

    secure_cookies: off where people use plain HTTP; a proxy that ends HTTPS before us cannot be seen in a request.
    """

    secure_cookies: bool
    issuer: str
    public_url: str
    cors_origins: Sequence[str] = ()


def application(
    rpc: RpcClient, door: Door, conversions: Conversions, serving: Callable[[], Awaitable[bool]], policy: HttpPolicy
) -> ASGIApp:
    """serving: whether predictions are answered at the moment."""
    secure = policy.secure_cookies
    forms = Forms(secure=secure)
    routes = [
        # Predictions come most often; each route before theirs is compared with their path.
        *oip.routes(rpc, door, conversions, serving),
        *predict.routes(rpc, door, conversions),
        *session.routes(rpc, secure=secure),
        *SignInPages(rpc, forms, secure=secure).routes(),
        *ProgramPages(rpc, forms, secure=secure).routes(),
        *AccountPages(rpc, forms).routes(),
        *oauth.routes(rpc, issuer=policy.issuer, public_url=policy.public_url),
        *sse.routes(rpc, door, conversions),
        *dashboard.routes(rpc),
        *(api_route(route, rpc, door, conversions) for route in API),
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _not_a_route})
    # A redirect would lead to whatever Host says, and by plain HTTP; `Front` takes both forms of a path.
    app.router.redirect_slashes = False
    return ResponseHeaders(_cors(BodyLimit(app), policy.cors_origins), secure=secure)


def api_route(route: Route, rpc: RpcClient, door: Door, conversions: Conversions) -> HttpRoute:
    """A row of the table as a route of the application."""
    method = rpc.method(route.method)
    deprecated = route.deprecated or deprecation.RPCS.get(route.method)
    fixed = deprecated.headers() if deprecated else {}

    async def handle(request: Request) -> Response:
        body = await door.body(request, method, route.limit) if route.takes_body else b""
        if not route.takes_body:
            await door.enter(request, method)
        message = await conversions.run(len(body), lambda: bind.request_message(body, request, route, method))
        response, trailers = await rpc.unary(route.method, message, request)
        answer = await conversions.run(response.ByteSize(), lambda: protojson.to_json(response))
        return Response(answer, route.status, {**trailers, **fixed}, "application/json")

    return HttpRoute(f"/api/v1{route.path}", with_problems(handle), methods=[route.verb])


def _cors(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    if not origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["authorization", "content-type", "idempotency-key", "fp-position", "last-event-id"],
        # No cookies: a script of another origin brings a token of its own.
        allow_credentials=False,
        expose_headers=EXPOSED,
        max_age=_CORS_SECONDS,
    )


async def _not_a_route(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = {404: "no such route", 405: "the route does not take this method"}.get(status, "bad request")
    document = {"type": "about:blank", "title": detail, "status": status, "error": {"code": status, "message": detail}}
    headers = {"allow": ", ".join(sorted(_allowed(request)))} if status == 405 else {}  # noqa: PLR2004 -- as above
    return Response(orjson.dumps(document), status, headers, "application/problem+json")


def _allowed(request: Request) -> set[str]:
    """The methods of all routes of this path; starlette names those of the first alone."""
    routes = request.app.routes
    return {
        method
        for route in routes
        if isinstance(route, HttpRoute) and route.matches(request.scope)[0] is not Match.NONE
        for method in route.methods or ()
    }
