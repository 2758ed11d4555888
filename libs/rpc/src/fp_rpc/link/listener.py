"""The side of a link that answers."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from fp_kernel import ResourceExhausted

from fp_rpc.audit.queue import AuditQueue
from fp_rpc.call_metrics import CallMetrics
from fp_rpc.identity.caller import IdentityResolver
from fp_rpc.link.incoming import Connection
from fp_rpc.tls.certificates import Certificates
from fp_rpc.tls.http import ServerContexts

if TYPE_CHECKING:
    from fp_rpc.server.method import Method

_MOST_CONNECTIONS: Final = 256
_BUSY_RETRY: Final = 1.0


@dataclass(frozen=True, slots=True)
class LinkPolicy:
    """Of all connections together: calls at once, and bytes of the requests that they hold."""

    max_calls: int
    max_bytes: int


class Listener:
    """Answers the calls of the methods that were added, on one port."""

    def __init__(self, resolver: IdentityResolver, metrics: CallMetrics, audit: AuditQueue, policy: LinkPolicy) -> None:
        self.resolver = resolver
        self.metrics = metrics
        self.audit = audit
        self.methods: dict[str, Method] = {}
        self.port = 0
        self.certified = False
        self.connections: set[Connection] = set()
        self._policy = policy
        self._calls = 0
        self._bytes = 0
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int, certificates: Certificates | None) -> None:
        """Listen on `port`, or on a free one for 0. Raises OSError when the address cannot be had."""
        self.certified = certificates is not None
        context = ServerContexts(certificates, clients=True).context if certificates is not None else None
        self._server = await asyncio.get_running_loop().create_server(lambda: Connection(self), host, port, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self, grace: float) -> None:
        """Take no more calls, let those under way end for `grace` seconds, and close."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for connection in tuple(self.connections):
            connection.retire()
        running = [task for connection in self.connections for task in connection.running]
        if running:
            await asyncio.wait(running, timeout=grace)
        for connection in tuple(self.connections):
            connection.close()

    def accept(self, connection: Connection) -> bool:
        """Whether there is a place for one more, which it holds until it is discarded."""
        if len(self.connections) >= _MOST_CONNECTIONS:
            return False
        self.connections.add(connection)
        return True

    def admit(self, size: int) -> None:
        """Count a call with a request of so many bytes, until `leave`. Raises ResourceExhausted."""
        if self._calls >= self._policy.max_calls:
            raise _busy("calls")
        if self._bytes and self._bytes + size > self._policy.max_bytes:
            raise _busy("bytes")
        self._calls += 1
        self._bytes += size

    def leave(self, size: int) -> None:
        self._calls -= 1
        self._bytes -= size


def _busy(what: str) -> ResourceExhausted:
    return ResourceExhausted(
        f"too many {what} at once", reason="TOO_MANY_CALLS", retry_after=_BUSY_RETRY, metadata={"quota": what}
    )
