"""Which request goes where: every RPC by its path, every HTTP route of the gateway, and what is refused at once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from fp_gateway.http import deprecation
from rules import protos
from rules.protos import Rpc

from edge_parts import clusters, http_table, replies
from edge_parts.http_table import HttpRoute
from edge_parts.shapes import GATEWAY, HTTP, MIB, Json, resources, typed

# What people and programs send before they are known is small.
_PUBLIC_BYTES: Final = 16 * 1024
_PUBLIC_SECONDS: Final = "10s"
# gRPC frames a message with five bytes; a service refuses what is above its own limit with details.
_BODY_BYTES: Final = 17 * MIB
_OURS: Final = "/forgepoint."
_HEALTH: Final = "/grpc.health.v1.Health/"
_REFLECTION: Final = "/grpc.reflection."
_CHALLENGE: Final = {"header": {"key": "www-authenticate", "value": "Bearer"}}
_BEARER: Final = {"name": "authorization", "string_match": {"prefix": "Bearer ", "ignore_case": True}}
# Of routes that judge no credential: nothing is counted of the answers.
_NO_CREDENTIAL: Final = {"envoy.filters.http.lua": typed("config.route.v3.FilterConfig", disabled=True)}
# The busiest first: routes are compared one by one.
_BUSIEST: Final = (
    "/forgepoint.inference.v1.InferenceGatewayService/Predict",
    "/forgepoint.inference.v1.InferenceGatewayService/BatchPredict",
)
_HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}
# Braces are the templates' own.
_PLAIN: Final = str.maketrans("{}", "<>")
_HSTS: Final = {"header": {"key": "strict-transport-security", "value": "max-age=31536000"}}


def document(root: Path) -> Json:
    rpcs = protos.read(root)
    host = {
        "name": "public",
        "domains": ["*"],
        "typed_per_filter_config": {"envoy.filters.http.cors": _cors()},
        "retry_policy": _retries(),
        "routes": [_preflight(), *_rpc_routes(rpcs), *_http_routes(http_table.routes(rpcs)), _unknown()],
    }
    added = [
        {"header": {"key": name, "value": value}, "append_action": "ADD_IF_ABSENT"} for name, value in _HEADERS.items()
    ]
    return resources(
        typed(
            "config.route.v3.RouteConfiguration",
            name="public",
            virtual_hosts=[host],
            response_headers_to_add=[*added, {"$when": "tls", **_HSTS, "append_action": "ADD_IF_ABSENT"}],
        )
    )


def _retries() -> Json:
    """Only what never reached a service, once, and at another replica: the caller's channel repeats the rest."""
    return {
        "retry_on": "connect-failure,refused-stream,reset-before-request",
        "num_retries": 1,
        "retry_back_off": {"base_interval": "0.025s", "max_interval": "0.25s"},
        "retry_host_predicate": [
            {
                "name": "envoy.retry_host_predicates.previous_hosts",
                "typed_config": typed("extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"),
            }
        ],
        # A replica that died has the fewest calls, and is chosen again in three of four looks.
        "host_selection_retry_max_attempts": 50,
    }


def _cors() -> Json:
    return typed(
        "extensions.filters.http.cors.v3.CorsPolicy",
        allow_origin_string_match="{cors_origins}",
        allow_methods="GET, POST, PUT, PATCH, DELETE",
        allow_headers="authorization, content-type, idempotency-key, fp-position, grpc-timeout, x-correlation-id, "
        "x-grpc-web, x-user-agent, traceparent, tracestate, last-event-id",
        expose_headers=replies.exposed(),
        max_age="600",
    )


def _preflight() -> Json:
    """A page's question before its call. The filter answers for those that are named, the gateway refuses others."""
    asked = ("access-control-request-method", "origin")
    headers = [_verb("OPTIONS"), *({"name": name, "present_match": True} for name in asked)]
    return _public(_route("preflight", {"prefix": "/", "headers": headers}, HTTP))


# RPCs


def _rpc_routes(rpcs: list[Rpc]) -> Iterator[Json]:
    services = clusters.nouns()
    ordered = sorted(rpcs, key=lambda rpc: (_path(rpc) not in _BUSIEST, _path(rpc)))
    for prefix in (_OURS, _HEALTH):
        yield _refusal({"prefix": prefix, "headers": [_verb("POST", invert=True)]}, 405, "only POST", allow="POST")
        content = {"name": "content-type", "string_match": {"prefix": "application/grpc"}, "invert_match": True}
        missing = {**content, "treat_missing_header_as_empty": True}
        yield _refusal({"prefix": prefix, "headers": [missing]}, 415, "content-type must be application/grpc")
        yield _too_large(prefix)
    public = [rpc for rpc in ordered if rpc.access and rpc.access.public and not rpc.access.internal]
    for rpc in public:
        cluster = rpc.noun if rpc.noun in services else GATEWAY
        yield _public(_rpc_route(_path(rpc), cluster))
    yield _public(_route("health", {"path": f"{_HEALTH}Check"}, GATEWAY))
    yield _limited(_route("health watch", {"path": f"{_HEALTH}Watch"}, GATEWAY), "public")
    yield {
        "$when": "reflection",
        **_limited(_route("reflection", {"prefix": _REFLECTION}, GATEWAY), "public"),
    }
    yield _unproven(prefix=_OURS)
    for rpc in ordered:
        if rpc not in public:
            inside = rpc.access is None or rpc.access.internal or rpc.noun not in services
            yield _rpc_route(_path(rpc), GATEWAY if inside else rpc.noun)


def _rpc_route(path: str, cluster: str) -> Json:
    """With the headers of one that is on its way out, which the gateway's HTTP routes of the same RPC have as well."""
    route = _route(path, {"path": path}, cluster)
    if path not in deprecation.RPCS:
        return route
    headers = {name: value.replace("%", "%%") for name, value in deprecation.RPCS[path].headers().items()}
    return {**route, "response_headers_to_add": [{"header": {"key": k, "value": v}} for k, v in headers.items()]}


def _path(rpc: Rpc) -> str:
    return f"/{rpc.package}.{rpc.service}/{rpc.name}"


# HTTP


def _http_routes(found: list[HttpRoute]) -> Iterator[Json]:
    yield _too_large("/")
    # The busiest first, as of RPCs; whatever else comes by these paths is refused below.
    yield from (_proven(route) for route in found if route.noun)
    yield from (_public(_http(route)) for route in found if route.public)
    closed = [route for route in found if not route.public]
    for route in found:
        if route.pattern is None:
            yield _wrong_verb(route, found)
            # Before the patterns, since one of them may fit this path and take other verbs.
            if not route.public:
                yield _unproven(path=route.path)
                yield _http(route)
    yield from (_wrong_verb(route, found) for route in found if route.pattern is not None)
    yield from (_unproven(prefix=prefix) for prefix in sorted({f"/{route.path.split('/')[1]}" for route in closed}))
    yield from (_http(route) for route in closed if route.pattern is not None and not route.noun)


def _wrong_verb(route: HttpRoute, found: list[HttpRoute]) -> Json:
    """Two paths that differ by the names of their parameters are one."""
    shape = route.pattern or route.path
    verbs = sorted({verb for each in found if (each.pattern or each.path) == shape for verb in each.verbs})
    other = {"name": ":method", "string_match": {"safe_regex": {"regex": "|".join(verbs)}}, "invert_match": True}
    match = {**_match(route), "headers": [other]}
    return _refusal(match, 405, "the route does not take this method", allow=", ".join(verbs))


def _http(route: HttpRoute) -> Json:
    verbs = "|".join(route.verbs)
    match = {**_match(route), "headers": [{"name": ":method", "string_match": {"safe_regex": {"regex": verbs}}}]}
    return _route(f"{verbs} {route.path}".translate(_PLAIN), match, route.noun or HTTP)


def _proven(route: HttpRoute) -> Json:
    """A route of a service, for requests with a credential."""
    found = _http(route)
    return {**found, "match": {**found["match"], "headers": [*found["match"]["headers"], _BEARER]}}


def _match(route: HttpRoute) -> Json:
    return {"path": route.path} if route.pattern is None else {"safe_regex": {"regex": route.pattern}}


# Parts


def _route(name: str, match: Json, cluster: str) -> Json:
    return {"name": name, "match": match, "route": {"cluster": cluster, "timeout": "0s"}}


def _public(route: Json) -> Json:
    """A small body, read whole before the service sees anything of it, and soon."""
    limit = typed("extensions.filters.http.buffer.v3.BufferPerRoute", buffer={"max_request_bytes": _PUBLIC_BYTES})
    timed = {**route, "route": {**route["route"], "idle_timeout": _PUBLIC_SECONDS}}
    asked = _limited(timed, "public")
    return {**asked, "typed_per_filter_config": {**_NO_CREDENTIAL, "envoy.filters.http.buffer": limit}}


def _limited(route: Json, kind: str) -> Json:
    metadata = {"filter_metadata": {"edge": {"kind": kind}}}
    return {**route, "metadata": metadata, "typed_per_filter_config": _NO_CREDENTIAL}


def _verb(name: str, *, invert: bool = False) -> Json:
    return {"name": ":method", "string_match": {"exact": name}, "invert_match": invert}


def _too_large(prefix: str) -> Json:
    length = {"name": "content-length", "range_match": {"start": _BODY_BYTES, "end": 2**62}}
    return _refusal({"prefix": prefix, "headers": [length]}, 413, "the body is too large")


def _unproven(**where: str) -> Json:
    """No credential, or none of the form that a credential has: refused before a byte of the body is read."""
    none = {**_BEARER, "invert_match": True, "treat_missing_header_as_empty": True}
    refusal = _refusal({**where, "headers": [none]}, 401, "a bearer credential is required")
    return {**_limited(refusal, "refused"), "response_headers_to_add": [_CHALLENGE]}


def _refusal(match: Json, status: int, text: str, allow: str = "") -> Json:
    answer: dict[str, Any] = {
        "name": f"refused {status}",
        "match": match,
        "direct_response": {"status": status, "body": {"inline_string": text}},
        "typed_per_filter_config": _NO_CREDENTIAL,
    }
    return {**answer, "response_headers_to_add": [{"header": {"key": "allow", "value": allow}}]} if allow else answer


def _unknown() -> Json:
    return _refusal({"prefix": "/"}, 404, "no such route")
