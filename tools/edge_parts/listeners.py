"""The public address, with all that is done to a request before it is routed, and the inner one for probes."""

from pathlib import Path

from edge_parts import certificates
from edge_parts.replies import local_replies
from edge_parts.shapes import ADMIN, LONGEST, ROUTES, Json, extension, resources, typed

_MANAGER = "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_ROUTER = extension("filters.http.router", "extensions.filters.http.router.v3.Router", suppress_envoy_headers=True)
_STREAMS, _WINDOW = 128, 256 * 1024
# Of a connection: what a stranger can make the edge hold before it is read any further.
_BUFFER = 128 * 1024
_HEADER_KIB, _HEADERS = 10, 64
# What one client owns: it takes any address of it that it likes.
_OWNED = {"v4_prefix_mask_len": 32, "v6_prefix_mask_len": 64}
_REFUSED_CREDENTIALS = Path(__file__).with_name("refused_credentials.lua").read_text(encoding="utf-8")
# The client's own; every other name that begins like this belongs to the platform.
_OWN = "fp-position"


def document() -> Json:
    return resources(_public(), _probes())


def _public() -> Json:
    chain = {
        "filters": [extension("filters.network.http_connection_manager", _MANAGER, **_manager())],
        "transport_socket": {"$when": "public_tls", **certificates.public()},
    }
    return typed(
        "config.listener.v3.Listener",
        name="public",
        address=_address("{public_host}", "{port}"),
        per_connection_buffer_limit_bytes=_BUFFER,
        filter_chains=[chain],
    )


def _manager() -> Json:
    source = {"path_config_source": {"path": ROUTES}, "resource_api_version": "V3"}
    return {
        "stat_prefix": "edge",
        "codec_type": "AUTO",
        "rds": {"route_config_name": "public", "config_source": source},
        "server_name": "forgepoint",
        **_identity(),
        **_forms(),
        **_limits(),
        "local_reply_config": local_replies(),
        "access_log": [_access_log()],
        "http_filters": _filters(),
    }


def _identity() -> Json:
    """Whose request it is, and by which id it is known."""
    return {
        "use_remote_address": True,
        "xff_num_trusted_hops": "{trusted_hops}",
        "generate_request_id": True,
        "preserve_external_request_id": False,
        "always_set_request_id_in_response": True,
    }


def _forms() -> Json:
    """Forms that two readers could understand differently are refused or made one."""
    return {
        "normalize_path": True,
        "merge_slashes": True,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "http_protocol_options": {"accept_http_10": False},
    }


def _limits() -> Json:
    return {
        "max_request_headers_kb": _HEADER_KIB,
        "request_headers_timeout": "10s",
        # No RPC takes a stream of requests from outside: a request has an end.
        "request_timeout": "300s",
        "stream_idle_timeout": LONGEST,
        "delayed_close_timeout": "1s",
        "common_http_protocol_options": {
            "idle_timeout": "900s",
            "max_headers_count": _HEADERS,
            "headers_with_underscores_action": "DROP_HEADER",
            "max_stream_duration": LONGEST,
        },
        "http2_protocol_options": {
            "max_concurrent_streams": _STREAMS,
            "initial_stream_window_size": _WINDOW,
            "initial_connection_window_size": 4 * _WINDOW,
            "connection_keepalive": {"interval": "60s", "timeout": "20s"},
        },
    }


def _filters() -> list[Json]:
    return [
        extension("filters.http.grpc_web", "extensions.filters.http.grpc_web.v3.GrpcWeb"),
        extension("filters.http.cors", "extensions.filters.http.cors.v3.Cors"),
        _strip(),
        _rates(),
        # Off for the routes that ask for no credential.
        extension(
            "filters.http.lua",
            "extensions.filters.http.lua.v3.Lua",
            default_source_code={"inline_string": _REFUSED_CREDENTIALS},
        ),
        # On for the routes that ask for it.
        {**_buffer(), "disabled": True},
        _ROUTER,
    ]


def _strip() -> Json:
    """Removes what only the platform may say, then says where the client sits."""
    address = {"key": "fp-client-address", "value": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"}
    return extension(
        "filters.http.header_mutation",
        "extensions.filters.http.header_mutation.v3.HeaderMutation",
        mutations={
            "request_mutations": [
                {"remove_on_match": {"key_matcher": {"safe_regex": {"regex": inner_names()}}}},
                # By these a caller inside could choose time-outs and repetitions.
                {"remove_on_match": {"key_matcher": {"prefix": "x-envoy-"}}},
                {"append": {"header": address, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}},
            ]
        },
    )


def inner_names() -> str:
    """A pattern of every name that begins with `fp-` but the client's own; RE2 knows no negation."""
    start, rest = "fp-", _OWN.removeprefix("fp-")
    others = [f"{rest[:end]}(?:[^{rest[end]}].*)?" for end in range(len(rest))]
    return f"{start}(?:{'|'.join((*others, f'{rest}.+'))})"


def _rates() -> Json:
    """A bucket for each client's address and kind of call; a route says its kind, and one without passes."""
    kind = {
        "source": "ROUTE_ENTRY",
        "descriptor_key": "kind",
        "metadata_key": {"key": "edge", "path": [{"key": "kind"}]},
    }
    descriptors = [
        {
            "entries": [{"key": "kind", "value": kind}, {"key": "masked_remote_address"}],
            "token_bucket": {
                "max_tokens": f"{{{kind}_burst}}",
                "tokens_per_fill": f"{{{kind}_rate}}",
                "fill_interval": "1s",
            },
        }
        for kind in ("public", "refused")
    ]
    return extension(
        "filters.http.local_ratelimit",
        "extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
        stat_prefix="rate",
        filter_enabled=_always(),
        filter_enforced=_always(),
        token_bucket={"max_tokens": 4_294_967_295, "tokens_per_fill": 4_294_967_295, "fill_interval": "1s"},
        max_dynamic_descriptors=10_000,
        rate_limited_as_resource_exhausted=True,
        rate_limits=[{"actions": [{"metadata": kind}, {"masked_remote_address": _OWNED}]}],
        descriptors=descriptors,
        response_headers_to_add=[{"header": {"key": "retry-after", "value": "1"}}],
    )


def _always() -> Json:
    return {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}


def _buffer() -> Json:
    return extension("filters.http.buffer", "extensions.filters.http.buffer.v3.Buffer", max_request_bytes=16 * 1024)


def _access_log() -> Json:
    """What was called, not where exactly: a path may hold a name, a query a secret. No address: it is personal."""
    line = {
        "time": "%START_TIME%",
        "logger": "edge",
        "level": "info",
        "message": "request",
        "method": "%REQ(:METHOD)%",
        "route": "%ROUTE_NAME%",
        "protocol": "%PROTOCOL%",
        "status": "%RESPONSE_CODE%",
        "grpc_status": "%GRPC_STATUS%",
        "flags": "%RESPONSE_FLAGS%",
        "details": "%RESPONSE_CODE_DETAILS%",
        "service": "%UPSTREAM_CLUSTER%",
        "bytes_in": "%BYTES_RECEIVED%",
        "bytes_out": "%BYTES_SENT%",
        "milliseconds": "%DURATION%",
        "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
        "correlation_id": "%REQ(X-REQUEST-ID)%",
    }
    log = extension(
        "access_loggers.stdout",
        "extensions.access_loggers.stream.v3.StdoutAccessLog",
        log_format={"json_format": line},
    )
    status = {"comparison": {"op": "GE", "value": {"default_value": 400, "runtime_key": "edge.logged_status"}}}
    failed = [{"status_code_filter": status}, {"grpc_status_filter": {"statuses": ["OK"], "exclude": True}}]
    return {"$when": "log", **log, "filter": {"$when": "log_failed_only", "or_filter": {"filters": failed}}}


def _probes() -> Json:
    """`/readyz` and `/metrics` for the inside, and nothing else of the admin."""
    paths = {"/readyz": "/ready", "/metrics": "/stats/prometheus"}
    routes = [
        {"match": {"path": path}, "route": {"cluster": ADMIN, "prefix_rewrite": inner}} for path, inner in paths.items()
    ]
    manager = {
        "stat_prefix": "probes",
        "route_config": {"name": "probes", "virtual_hosts": [{"name": "probes", "domains": ["*"], "routes": routes}]},
        "http_filters": [_ROUTER],
    }
    chain = {"filters": [extension("filters.network.http_connection_manager", _MANAGER, **manager)]}
    return typed(
        "config.listener.v3.Listener",
        name="probes",
        address=_address("{host}", "{probe_port}"),
        filter_chains=[chain],
    )


def _address(host: str, port: str) -> Json:
    return {"socket_address": {"address": host, "port_value": port}}
