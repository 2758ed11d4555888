"""What Envoy reads once: where the other files are, its admin, and the limits of the whole process."""

from edge_parts.shapes import Json, extension

_HEAP, _CONNECTIONS = "resource_monitors.fixed_heap", "resource_monitors.global_downstream_max_connections"
# A stream that buffers less than 2**20 bytes is not among the largest.
_TRACKED = 20


def document() -> Json:
    return {
        "node": {"id": "edge", "cluster": "forgepoint"},
        "dynamic_resources": {"cds_config": _file("./clusters.json"), "lds_config": _file("./listeners.json")},
        # On a socket that only its owner may open: whoever reaches the admin may end the edge and read its secrets.
        "admin": {"address": {"pipe": {"path": "admin.sock", "mode": 0o600}}},
        "application_log_config": {
            "log_format": {"json_format": {"time": "%Y-%m-%dT%T.%eZ", "level": "%l", "logger": "edge", "message": "%j"}}
        },
        # Above this, free memory goes back to the system at once: what a flood took was held for ever.
        # Without a rate nothing is given back below the limit; half of what a peak took is free pages afterwards.
        "memory_allocator_manager": {
            "soft_memory_limit_bytes": "{kept_bytes}",
            "bytes_to_release": 4 * 1024 * 1024,
            "memory_release_interval": "1s",
        },
        "overload_manager": _overload(),
    }


def _file(path: str) -> Json:
    return {"path_config_source": {"path": path}, "resource_api_version": "V3"}


def _overload() -> Json:
    return {
        "refresh_interval": "0.25s",
        "buffer_factory_config": {"minimum_account_to_track_power_of_two": _TRACKED},
        "resource_monitors": [
            extension(
                _HEAP,
                "extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig",
                max_heap_size_bytes="{heap_bytes}",
            ),
            extension(
                _CONNECTIONS,
                "extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                max_active_downstream_connections="{connections}",
            ),
        ],
        "actions": [
            _action("shrink_heap", {"threshold": {"value": 0.8}}),
            _action("reset_high_memory_stream", {"scaled": {"scaling_threshold": 0.85, "saturation_threshold": 0.95}}),
            _action("stop_accepting_requests", {"threshold": {"value": 0.95}}),
        ],
    }


def _action(name: str, trigger: Json) -> Json:
    return {"name": f"envoy.overload_actions.{name}", "triggers": [{"name": f"envoy.{_HEAP}", **trigger}]}
