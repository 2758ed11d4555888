"""Login: Bearer for programs, a refresh cookie with CSRF protection for browsers."""

import secrets
from typing import Any

import orjson
from forgepoint.auth.v1 import auth_pb2 as pb
from fp_kernel import PermissionDenied, Unauthenticated
from google.protobuf import json_format
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.routing import Route as HttpRoute

from fp_gateway.http import bind, route_table
from fp_gateway.http.responses import with_problems
from fp_gateway.http.rpc_client import RpcClient

REFRESH_COOKIE = "fp_refresh"
CSRF_COOKIE = "fp_csrf"
CSRF_HEADER = "x-csrf-token"
_PATH = "/api/v1"


def routes(rpc: RpcClient, *, secure: bool) -> list[BaseRoute]:
    """secure: whether browsers may send the cookies over HTTPS only."""

    async def login(request: Request) -> Response:
        message = bind.parse(bind.document_of(await bind.read_body(request)), pb.LoginRequest.DESCRIPTOR)
        response, _ = await rpc.unary(route_table.LOGIN, message, request)
        return _opened(response, secure=secure)

    async def refresh(request: Request) -> Response:
        message = pb.RefreshTokenRequest(refresh_token=_refresh_token(request))
        response, _ = await rpc.unary(route_table.REFRESH, message, request)
        return _opened(response, secure=secure)

    async def logout(request: Request) -> Response:
        await rpc.unary(route_table.LOGOUT, pb.LogoutRequest(refresh_token=_refresh_token(request)), request)
        response = Response(b"{}", media_type="application/json")
        for name in (REFRESH_COOKIE, CSRF_COOKIE):
            response.delete_cookie(name, path=_PATH)
        return response

    return [
        HttpRoute(f"{_PATH}/{name}", with_problems(handler), methods=["POST"])
        for name, handler in (("login", login), ("refresh", refresh), ("logout", logout))
    ]


def _refresh_token(request: Request) -> str:
    """The cookie, good only with the header that another site cannot set (double submit, OWASP CSRF cheat sheet)."""
    token = request.cookies.get(REFRESH_COOKIE, "")
    if not token:
        raise Unauthenticated("there is no session; log in first", reason="NO_SESSION")
    sent, expected = request.headers.get(CSRF_HEADER, ""), request.cookies.get(CSRF_COOKIE, "")
    if not expected or not secrets.compare_digest(sent.encode(), expected.encode()):
        raise PermissionDenied(f"the header {CSRF_HEADER} does not match the cookie", reason="CSRF")
    return token


def _opened(message: Any, *, secure: bool) -> Response:
    """The access token in the body, the refresh token only in a cookie that scripts cannot read."""
    document = json_format.MessageToDict(message, always_print_fields_with_no_presence=True)
    document.pop("refreshToken")
    document.pop("refreshExpiresAt", None)
    response = Response(orjson.dumps(document), media_type="application/json", headers={"cache-control": "no-store"})
    set_cookies(response, message, secure=secure)
    return response


def set_cookies(response: Response, message: Any, *, secure: bool) -> None:
    """The session of a LoginResponse or a RefreshTokenResponse as cookies of this API."""
    lifetime = max(0, message.refresh_expires_at.seconds - message.expires_at.seconds)
    token = message.refresh_token
    for name, value, readable in ((REFRESH_COOKIE, token, False), (CSRF_COOKIE, secrets.token_urlsafe(24), True)):
        response.set_cookie(
            name, value, max_age=lifetime, path=_PATH, secure=secure, httponly=not readable, samesite="strict"
        )
