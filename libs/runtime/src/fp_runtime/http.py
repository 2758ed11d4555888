"""An ASGI server that belongs to the runtime: no signal handlers and no access log of its own."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator

import h11
import uvicorn
from fp_rpc.tls.http import ServerContexts
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from fp_runtime.failures import StartFailed

_BACKLOG = 1_024
_SHORTEST_GRACE = 1
# Longer than the 60 s of common balancers: the balancer must be the one that closes an idle connection.
_KEEP_ALIVE = 75
# Seconds for the head of a request: a client that sends none, or half of one, would keep its connection.
_HEAD = 20.0
# A body that nobody will read, because its request was answered before it came: so many bytes of it are thrown away,
# and after so many seconds the connection is closed. Most clients read no answer before they have sent their body, and
# would see a broken connection if it were closed at once.
_DISCARDED = 32 * 1024 * 1024
_LINGER = 5.0
# Seconds between two looks of the server at the clock, for its date header. Uvicorn looks ten times as often, of which
# nine do nothing; on a platform of twelve processes that was a hundred wake-ups a second.
_TICK = 1.0


class HttpServer:
    """Serves one ASGI application on one address.

    name: for the message when the address cannot be had; the variable that holds the port is a good one.
    port: 0 takes a free one. head_timeout: seconds that a connection has to send the head of a request.
    tls: contexts for its connections; without them it speaks clear text.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        name: str,
        host: str,
        port: int,
        head_timeout: float = _HEAD,
        tls: ServerContexts | None = None,
    ) -> None:
        # The runtime logs that it starts and stops.
        # A warning would be written for every request that is no HTTP, as often as anybody likes.
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
        self._name = name
        self._address = (host, port)
        self._server = _Server(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                # Whose address a proxy forwards is for the application to trust, not for the server.
                proxy_headers=False,
                timeout_keep_alive=_KEEP_ALIVE,
                timeout_graceful_shutdown=_SHORTEST_GRACE,
                ws="none",
                ssl_context_factory=None if tls is None else lambda *_: tls.context,
                http=type("Prompt", (_Prompt,), {"head_timeout": head_timeout}),
            )
        )
        self._socket: socket.socket | None = None
        self._serving: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port it listens on; known after `start`."""
        if self._socket is None:
            raise RuntimeError("the server has not started")
        return int(self._socket.getsockname()[1])

    async def start(self, group: asyncio.TaskGroup) -> None:
        """Listen; `group` owns the server's loop. Raises StartFailed when the address cannot be had."""
        self._socket = self._bind()
        self._serving = group.create_task(self._server.serve(sockets=[self._socket]), name=f"http {self._name}")
        await self._server.listening.wait()

    async def stop(self, grace: float) -> None:
        """Refuse new connections, give running requests `grace` seconds, then cut them."""
        if self._serving is None:
            return
        self._server.config.timeout_graceful_shutdown = max(_SHORTEST_GRACE, round(grace))
        self._server.end()
        await asyncio.wait([self._serving])

    def _bind(self) -> socket.socket:
        host, port = self._address
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        # A restarted service takes its port back from connections that still linger.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            listener.close()
            raise StartFailed(f"{self._name}: cannot listen on {host}:{port}: {error.strerror}") from None
        listener.listen(_BACKLOG)
        listener.setblocking(False)
        return listener


class _Prompt(H11Protocol):
    """Uvicorn's protocol, which has a time-out between requests and none for the head of one, or for its leftovers."""

    head_timeout = _HEAD
    _waiting: asyncio.TimerHandle | None = None
    _lingering: asyncio.TimerHandle | None = None
    _discarded = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._waiting = self.loop.call_later(self.head_timeout, transport.close)

    def data_received(self, data: bytes) -> None:
        if self._lingering is not None:
            self._discarded += len(data)
            if self._discarded > _DISCARDED:
                self.flow.pause_reading()
                return
        super().data_received(data)
        if self._lingering is not None and self.conn.their_state is not h11.SEND_BODY:
            self._stop_lingering()
        if self.conn.their_state is not h11.IDLE:
            self._stop_waiting()
        elif self._waiting is None:
            self._waiting = self.loop.call_later(self.head_timeout, self.transport.close)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.conn.their_state is h11.SEND_BODY and self._lingering is None:
            self._discarded = 0
            self._lingering = self.loop.call_later(_LINGER, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self._stop_lingering()
        super().connection_lost(exc)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _stop_lingering(self) -> None:
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None


class _Server(uvicorn.Server):
    """Uvicorn's end takes up to 0.2 seconds also when nobody is connected: a whole platform stopped in seconds."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        self._ending = asyncio.Event()

    def end(self) -> None:
        self.should_exit = True
        self._ending.set()

    async def main_loop(self) -> None:
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TICK):
                    await self._ending.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        await asyncio.sleep(0)  # a connection that was accepted a moment ago is counted now
        if self.server_state.connections or self.server_state.tasks:
            await super().shutdown(sockets)
        for each in sockets or ():
            each.close()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Signals are the runtime's: it drains gRPC and tasks first.
        yield
