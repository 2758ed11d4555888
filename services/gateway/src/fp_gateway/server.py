"""The public gRPC server: the proxy and health, nothing else."""

from collections.abc import Mapping

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from fp_gateway.failures import MAX_MESSAGE_BYTES
from fp_gateway.proxy import Proxy

# A message between the limit and twice the limit arrives, so that it can be refused by an error that says why.
_TRANSPORT_BYTES = 2 * MAX_MESSAGE_BYTES


class ProxyServer:
    """Has the life of `fp_rpc.Server`, without its stages: the services behind verify."""

    def __init__(self, proxy: Proxy, *, options: Mapping[str, int] | None = None) -> None:
        self._health = health.aio.HealthServicer()
        settings = {
            "grpc.max_receive_message_length": _TRANSPORT_BYTES,
            "grpc.max_send_message_length": _TRANSPORT_BYTES,
            "grpc.so_reuseport": 0,
            # Clients of other teams keep their connections warm; a ping each 10 s is no abuse.
            "grpc.http2.min_recv_ping_interval_without_data_ms": 10_000,
            "grpc.keepalive_permit_without_calls": 1,
            **(options or {}),
        }
        self._server = grpc.aio.server(options=list(settings.items()))
        self._server.add_generic_rpc_handlers((proxy,))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self._serving = False

    async def start(self, address: str) -> int:
        """Listen on `host:port` (port 0 takes a free one) and answer the port."""
        port = self._server.add_insecure_port(address)
        await self._health.set("", health_pb2.HealthCheckResponse.NOT_SERVING)
        await self._server.start()
        return port

    async def set_serving(self, serving: bool) -> None:  # noqa: FBT001 -- the shape of fp_rpc.Server
        status = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
        await self._health.set("", status)

    async def stop(self, grace: float) -> None:
        await self._server.stop(grace)
