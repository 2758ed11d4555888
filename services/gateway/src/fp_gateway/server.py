"""The public gRPC server: the proxy and health, nothing else."""

from collections.abc import Collection
from typing import Final

import grpc
from fp_rpc.server.health import NAME, Health
from fp_rpc.server.server import add_port
from fp_rpc.tls.certificates import Certificates
from grpc_reflection.v1alpha import reflection

from fp_gateway.failures import MAX_MESSAGE_BYTES
from fp_gateway.proxy import Proxy

# A call beyond it is refused with RESOURCE_EXHAUSTED: each one that waits holds its message in memory.
_MOST_CALLS: Final = 2_000

_OPTIONS: Final[tuple[tuple[str, int], ...]] = (
    # A message between the limit and twice the limit arrives, so that it can be refused by an error that says why.
    ("grpc.max_receive_message_length", 2 * MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", 2 * MAX_MESSAGE_BYTES),
    ("grpc.so_reuseport", 0),
    # Clients of other languages ping as they like; the default would close their connections for it.
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.keepalive_permit_without_calls", 1),
)


class ProxyServer:
    """Starts, serves and stops like `fp_rpc.Server`, without its interceptor: the services behind verify."""

    def __init__(self, proxy: Proxy, reflected: Collection[str] = ()) -> None:
        """reflected: names of the services that gRPC reflection describes to anybody; none turns it off."""
        self._proxy = proxy
        self._reflected = tuple(reflected)
        self._health = Health()
        self._server: grpc.aio.Server | None = None

    async def start(self, address: str, certificates: Certificates | None = None) -> int:
        """Listen on `host:port` (port 0 takes a free one) and answer the port; by TLS with certificates, also for
        clients that have none. Raises OSError.
        """
        server = grpc.aio.server(options=_OPTIONS, maximum_concurrent_rpcs=_MOST_CALLS)
        if self._reflected:
            reflection.enable_server_reflection((*self._reflected, NAME, reflection.SERVICE_NAME), server)
        server.add_generic_rpc_handlers((self._proxy, self._health.handlers()))
        try:
            port = add_port(server, address, certificates, clients=False)
        except RuntimeError:
            raise OSError(f"cannot listen on {address}") from None
        await server.start()
        self._server = server
        return port

    def set_serving(self, serving: bool) -> None:  # noqa: FBT001 -- the shape of fp_rpc.Server
        self._health.set(serving=serving)

    async def stop(self, grace: float) -> None:
        """Refuse new calls and let running ones end, for at most `grace` seconds."""
        server, self._server = self._server, None
        if server is not None:
            self._health.close()
            await server.stop(grace)
