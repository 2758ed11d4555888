"""Where calls go: each service, the gateway's two ports, and the edge's own admin."""

import fp_platform

from edge_parts import certificates
from edge_parts.shapes import ADMIN, GATEWAY, HTTP, MIB, Json, extension, resources, typed

_CONNECTIONS, _WAITING, _CALLS = 64, 1_024, 4_000
_WINDOW = MIB
# A name may be one address for all replicas, of which each connection gets one: by new ones those that came later have
# their share. Calls on the old one go on, for an hour at most, so that there are never _CONNECTIONS of two threads.
_LONGEST_CONNECTION = "180s"


def nouns() -> tuple[str, ...]:
    """The services that answer RPCs from outside."""
    return tuple(noun for noun in fp_platform.services()["edge"]["peers"] if noun != GATEWAY)


def document() -> Json:
    services = [_cluster(noun, noun, _http2(), {"grpc_health_check": {}}, "h2") for noun in (*nouns(), GATEWAY)]
    return resources(*services, _cluster(HTTP, GATEWAY, _http1(), {"tcp_health_check": {}}, "http/1.1"), _admin())


def _cluster(name: str, noun: str, protocol: Json, check: Json, alpn: str) -> Json:
    options = typed(
        "extensions.upstreams.http.v3.HttpProtocolOptions",
        explicit_http_config=protocol,
        common_http_protocol_options={"idle_timeout": "60s", "max_connection_duration": _LONGEST_CONNECTION},
        http_filters=[_proof(noun), _codec()],
    )
    return typed(
        "config.cluster.v3.Cluster",
        name=name,
        type="STRICT_DNS",
        connect_timeout="1s",
        # The edge starts beside the services and serves each as soon as it is there.
        wait_for_warm_on_init=False,
        lb_policy="LEAST_REQUEST",
        # With no replica that is well any is tried: a service that was just started again need not wait for its check.
        # Envoy would tell its threads of who came and went once a second; a dead one takes hundreds of calls in that.
        common_lb_config={"healthy_panic_threshold": {"value": 1}, "update_merge_window": "0s"},
        per_connection_buffer_limit_bytes=MIB,
        load_assignment={"cluster_name": name, "endpoints": [{"lb_endpoints": f"{{endpoints.{name}}}"}]},
        health_checks=[_health(check)],
        outlier_detection=_outliers(),
        circuit_breakers={"thresholds": [_breaker()]},
        transport_socket={"$when": "own_tls", **certificates.to_service(noun, alpn)},
        typed_extension_protocol_options={"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options},
    )


def _http2() -> Json:
    return {
        "http2_protocol_options": {
            "initial_stream_window_size": _WINDOW,
            "initial_connection_window_size": 4 * _WINDOW,
            "connection_keepalive": {"interval": "30s", "timeout": "10s"},
        }
    }


def _http1() -> Json:
    return {"http_protocol_options": {}}


def _proof(noun: str) -> Json:
    """By it the service knows that the edge says where a client sits; each service gets one of its own."""
    header = {"key": "fp-forwarded-by", "value": f"{{proof.{noun}}}"}
    mutation = {"append": {"header": header, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}
    return extension(
        "filters.http.header_mutation",
        "extensions.filters.http.header_mutation.v3.HeaderMutation",
        mutations={"request_mutations": [mutation]},
    )


def _codec() -> Json:
    return extension("filters.http.upstream_codec", "extensions.filters.http.upstream_codec.v3.UpstreamCodec")


def _health(check: Json) -> Json:
    return {
        "timeout": "1s",
        "interval": "2s",
        "no_traffic_interval": "2s",
        "unhealthy_interval": "0.5s",
        "interval_jitter_percent": 20,
        "unhealthy_threshold": 2,
        "healthy_threshold": 1,
        **check,
    }


def _outliers() -> Json:
    """By what the connection does, never by what a service answers: its refusals are no reason to leave it."""
    return {
        "split_external_local_origin_errors": True,
        "consecutive_local_origin_failure": 3,
        "enforcing_consecutive_local_origin_failure": 100,
        "enforcing_local_origin_success_rate": 0,
        "enforcing_consecutive_5xx": 0,
        "enforcing_consecutive_gateway_failure": 0,
        "enforcing_success_rate": 0,
        "interval": "1s",
        # Until the next health check says otherwise. With all left out all are tried, one that came back too.
        "base_ejection_time": "2s",
        "max_ejection_time": "2s",
        "max_ejection_percent": 100,
    }


def _breaker() -> Json:
    return {
        "max_connections": _CONNECTIONS,
        "max_pending_requests": _WAITING,
        "max_requests": _CALLS,
        "retry_budget": {"budget_percent": {"value": 20}, "min_retry_concurrency": 10},
    }


def _admin() -> Json:
    return typed(
        "config.cluster.v3.Cluster",
        name=ADMIN,
        type="STATIC",
        connect_timeout="1s",
        load_assignment={
            "cluster_name": ADMIN,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {"pipe": {"path": "admin.sock"}}}}]}],
        },
    )
