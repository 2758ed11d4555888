"""Shapes that several parts of the configuration have in common."""

from typing import Any, Final

Json = dict[str, Any]

# Cluster of the gateway's gRPC, which refuses and audits what no service answers; of its HTTP; of the edge's own admin.
GATEWAY: Final = "gateway"
HTTP: Final = "gateway_http"
ADMIN: Final = "admin"
# Seconds that a call may last, whatever its caller allows.
LONGEST: Final = "3600s"
ROUTES: Final = "./routes.json"
MIB: Final = 1024 * 1024


def typed(name: str, /, **fields: Any) -> Json:
    """A message of Envoy in an `Any`; name: after `envoy.`."""
    return {"@type": f"type.googleapis.com/envoy.{name}", **fields}


def extension(name: str, kind: str, /, **fields: Any) -> Json:
    """An extension with its configuration. name: after `envoy.`. kind: of the configuration's message."""
    return {"name": f"envoy.{name}", "typed_config": typed(kind, **fields)}


def resources(*found: Json) -> Json:
    """A file of xDS."""
    return {"resources": list(found)}
