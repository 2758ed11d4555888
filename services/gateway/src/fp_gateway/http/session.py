"""Login: Bearer for programs, a refresh cookie with CSRF protection for browsers."""

import secrets
from typing import Any

import orjson
from forgepoint.auth.v1 import auth_pb2 as pb
from fp_kernel import PermissionDenied, Unauthenticated, invalid
from fp_rpc.json_bodies import document_of
from google.protobuf import json_format
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.routing import Route as HttpRoute

from fp_gateway.callers import PUBLIC_BODY
from fp_gateway.http import bind, route_table
from fp_gateway.http.responses import with_problems
from fp_gateway.http.rpc_client import RpcClient

CSRF_HEADER = "x-csrf-token"
_REFRESH_COOKIE = "fp_refresh"
_CSRF_COOKIE = "fp_csrf"
_PATH = "/api/v1"
_JSON = "application/json"


def cookie_name(name: str, *, secure: bool) -> str:
    """The prefix keeps other hosts of the domain from setting the cookie; browsers take it over HTTPS alone."""
    return f"__Host-{name}" if secure else name


def cookie_path(path: str, *, secure: bool) -> str:
    """A cookie with the prefix is one of the whole host."""
    return "/" if secure else path


def routes(rpc: RpcClient, *, secure: bool) -> list[BaseRoute]:
    """secure: whether browsers may send the cookies over HTTPS only."""

    async def login(request: Request) -> Response:
        _check_json(request)
        body = await bind.read_body(request, PUBLIC_BODY, bind.PUBLIC_SECONDS)
        message = bind.parse(document_of(body), pb.LoginRequest.DESCRIPTOR)
        response, _ = await rpc.unary(route_table.LOGIN, message, request)
        return _opened(response, secure=secure)

    async def refresh(request: Request) -> Response:
        message = pb.RefreshTokenRequest(refresh_token=_refresh_token(request, secure=secure))
        response, _ = await rpc.unary(route_table.REFRESH, message, request)
        return _opened(response, secure=secure)

    async def logout(request: Request) -> Response:
        message = pb.LogoutRequest(refresh_token=_refresh_token(request, secure=secure))
        await rpc.unary(route_table.LOGOUT, message, request)
        response = Response(b"{}", media_type=_JSON)
        for name in (_REFRESH_COOKIE, _CSRF_COOKIE):
            path = cookie_path(_PATH, secure=secure)
            response.delete_cookie(cookie_name(name, secure=secure), path=path, secure=secure)
        return response

    return [
        HttpRoute(f"{_PATH}/{name}", with_problems(handler), methods=["POST"])
        for name, handler in (("login", login), ("refresh", refresh), ("logout", logout))
    ]


def _check_json(request: Request) -> None:
    """A form of another site cannot say that it is JSON, and so cannot log a browser in as somebody else."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _JSON:
        raise invalid("content-type", f"must be {_JSON}")


def _refresh_token(request: Request, *, secure: bool) -> str:
    """The cookie, good only with the header that another site cannot set (double submit, OWASP CSRF cheat sheet)."""
    token = request.cookies.get(cookie_name(_REFRESH_COOKIE, secure=secure), "")
    if not token:
        raise Unauthenticated("there is no session; log in first", reason="NO_SESSION")
    sent = request.headers.get(CSRF_HEADER, "")
    expected = request.cookies.get(cookie_name(_CSRF_COOKIE, secure=secure), "")
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
    path = cookie_path(_PATH, secure=secure)
    for name, value, readable in ((_REFRESH_COOKIE, token, False), (_CSRF_COOKIE, secrets.token_urlsafe(24), True)):
        response.set_cookie(
            cookie_name(name, secure=secure),
            value,
            max_age=lifetime,
            path=path,
            secure=secure,
            httponly=not readable,
            samesite="strict",
        )
