"""A real server in the process of the test, with identities it verifies."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

from fp_testkit.identity import TestIdentity
from fp_testkit.patience import PATIENCE

if TYPE_CHECKING:
    import grpc
    from fp_rpc import AuditSink, Server, ServerPolicy
    from fp_telemetry import Metrics


class RpcHarness:
    """address: host:port of a running server. metrics: of that server."""

    def __init__(self, server: "Server", address: str, metrics: "Metrics") -> None:
        self.address = address
        self.metrics = metrics
        self._server = server
        self._closers: list[Callable[[], Awaitable[object]]] = []

    def channel(self, token: str | None = None, *, timeout: float = PATIENCE) -> "grpc.aio.Channel":
        """A channel as services open it: failures are `fp_kernel` errors."""
        from fp_rpc import BearerToken, Channels

        channels = Channels(BearerToken(token) if token else None)
        self._closers.append(channels.close)
        return channels.open(self.address, timeout=timeout)

    def plain(self) -> "grpc.aio.Channel":
        """A channel of bare grpcio: failures are `grpc.aio.AioRpcError`, metadata is the test's."""
        import grpc

        channel = grpc.aio.insecure_channel(self.address)
        self._closers.append(lambda: channel.close(None))
        return channel

    async def close(self) -> None:
        while self._closers:
            await self._closers.pop()()
        await self._server.stop(0)


class RpcFactory(Protocol):
    async def __call__(
        self,
        *services: tuple[Callable[[Any, Any], None], object],
        noun: str = "test",
        policy: "ServerPolicy | None" = None,
        audit: "AuditSink | None" = None,
        reflection: bool = False,
    ) -> RpcHarness:
        """Start a server for pairs of `add_..._to_server` and servicer; stopped after the test."""
        ...


def rpc_factory(identity: TestIdentity, opened: list[RpcHarness]) -> RpcFactory:
    """What the fixture `rpc` gives; `opened` collects what must be closed."""

    async def start(
        *services: tuple[Callable[[Any, Any], None], object],
        noun: str = "test",
        policy: "ServerPolicy | None" = None,
        audit: "AuditSink | None" = None,
        reflection: bool = False,
    ) -> RpcHarness:
        from fp_rpc import Server
        from fp_telemetry import Metrics

        metrics = Metrics(noun)
        server = Server(
            noun, resolver=identity.resolver(), metrics=metrics, policy=policy, audit=audit, reflection=reflection
        )
        for add, servicer in services:
            server.add(add, servicer)
        port = await server.start("127.0.0.1:0")
        server.set_serving(True)
        opened.append(RpcHarness(server, f"127.0.0.1:{port}", metrics))
        return opened[-1]

    return start
