"""Token exchange (RFC 8693), devices (RFC 8628), and what the platform publishes as an issuer (OIDC Discovery)."""

from collections.abc import Mapping
from typing import Any, Final

import orjson
from forgepoint.auth.v1 import auth_pb2, workloads_pb2
from fp_kernel import Error, InvalidArgument, Kind
from fp_rpc.errors import to_problem
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.routing import Route as HttpRoute

from fp_gateway.http import device_flow, route_table
from fp_gateway.http.pages.forms import read_form
from fp_gateway.http.responses import with_problems
from fp_gateway.http.rpc_client import RpcClient

EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
_TYPE: Final = "urn:ietf:params:oauth:token-type:"
_SUBJECT_TYPES: Final = (f"{_TYPE}jwt", f"{_TYPE}id_token")
_ACCESS: Final = f"{_TYPE}access_token"
_MAX_AGE: Final = 300
# RFC 6749, section 5.2; a token that is refused is an invalid request by RFC 8693, section 2.2.2.
_CODES: Final = {
    Kind.PERMISSION_DENIED: "invalid_target",
    Kind.UNAVAILABLE: "temporarily_unavailable",
    Kind.DEADLINE_EXCEEDED: "temporarily_unavailable",
    Kind.RESOURCE_EXHAUSTED: "temporarily_unavailable",
    Kind.INTERNAL: "server_error",
}
_BAD_REQUEST: Final = 400
_SERVER_ERROR: Final = 500


def routes(rpc: RpcClient, *, issuer: str, public_url: str) -> list[BaseRoute]:
    """issuer: the `iss` of the platform's tokens. public_url: of this HTTP, as others reach it."""
    base = public_url or issuer
    metadata = {
        "issuer": issuer,
        "jwks_uri": f"{base}/.well-known/jwks.json",
        "token_endpoint": f"{base}/oauth/token",
        "device_authorization_endpoint": f"{base}/oauth/device_authorization",
        "grant_types_supported": [EXCHANGE, device_flow.GRANT],
        "token_endpoint_auth_methods_supported": ["none"],
        "response_types_supported": [],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }

    async def token(request: Request) -> Response:
        try:
            return await _token(rpc, request)
        except Error as error:
            return _refused(error)

    async def device(request: Request) -> Response:
        try:
            return _json(await device_flow.authorize(rpc, request), 200)
        except Error as error:
            return _refused(error)

    async def configuration(_: Request) -> Response:
        return _published(orjson.dumps(metadata), "application/json")

    async def keys(request: Request) -> Response:
        answer: Any = (await rpc.unary(route_table.JWKS, auth_pb2.GetJWKSRequest(), request))[0]
        return _published(answer.jwks_json.encode(), "application/jwk-set+json")

    return [
        HttpRoute("/oauth/token", with_problems(token), methods=["POST"]),
        HttpRoute("/oauth/device_authorization", with_problems(device), methods=["POST"]),
        HttpRoute("/.well-known/openid-configuration", with_problems(configuration)),
        HttpRoute("/.well-known/jwks.json", with_problems(keys)),
    ]


async def _token(rpc: RpcClient, request: Request) -> Response:
    fields = await read_form(request)
    grant = fields.get("grant_type")
    if grant == device_flow.GRANT:
        return _json(await device_flow.redeem(rpc, request, fields.get("device_code", "")), 200)
    if grant != EXCHANGE:
        raise InvalidArgument(f"grant_type must be {EXCHANGE} or {device_flow.GRANT}", reason="GRANT_TYPE")
    return await _exchange(rpc, request, fields)


async def _exchange(rpc: RpcClient, request: Request, fields: Mapping[str, str]) -> Response:
    if fields.get("subject_token_type") not in _SUBJECT_TYPES:
        raise InvalidArgument(f"subject_token_type must be one of {', '.join(_SUBJECT_TYPES)}")
    if fields.get("requested_token_type", _ACCESS) != _ACCESS:
        raise InvalidArgument(f"requested_token_type must be {_ACCESS}")
    message = workloads_pb2.ExchangeWorkloadTokenRequest(
        subject_token=fields.get("subject_token", ""),
        name=fields.get("audience", ""),
        scopes=fields.get("scope", "").split(),
    )
    answer: Any = (await rpc.unary(route_table.EXCHANGE_WORKLOAD, message, request))[0]
    document = {
        "access_token": answer.access_token,
        "issued_token_type": _ACCESS,
        "token_type": "Bearer",
        "expires_in": answer.expires_in.seconds,
        "scope": " ".join(answer.scopes),
    }
    return _json(document, 200)


def _refused(error: Error) -> Response:
    code = device_flow.CODES.get(error.reason) or _CODES.get(error.kind, "invalid_request")
    if error.reason == "GRANT_TYPE":
        code = "unsupported_grant_type"
    if error.reason == "SCOPE_NOT_GRANTED":
        code = "invalid_scope"
    status = to_problem(error)["status"]
    # RFC 6749 has 400 for all that is wrong with a request; `reason` is the platform's own, finer code.
    document = {"error": code, "error_description": error.message, "reason": error.reason}
    return _json(document, status if status >= _SERVER_ERROR else _BAD_REQUEST)


def _json(document: dict[str, Any], status: int) -> Response:
    headers = {"cache-control": "no-store", "pragma": "no-cache"}
    return Response(orjson.dumps(document), status, headers, "application/json")


def _published(body: bytes, kind: str) -> Response:
    return Response(body, 200, {"cache-control": f"public, max-age={_MAX_AGE}"}, kind)
