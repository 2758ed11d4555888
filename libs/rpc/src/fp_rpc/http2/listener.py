"""The transport as a server: where it listens, which calls it runs and how it stops."""

import asyncio
import ssl
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import grpc
from fp_telemetry import get_logger

from fp_rpc.http1.connection import Http1Connection
from fp_rpc.http2.answers import BEGIN, http_status, status_block
from fp_rpc.http2.connection import Connection
from fp_rpc.http2.deadlines import Deadlines
from fp_rpc.http2.frames import Code, ConnectionFailed
from fp_rpc.http2.head import Head
from fp_rpc.http2.http_paths import HttpPaths
from fp_rpc.http2.http_stream import HttpStream
from fp_rpc.http2.stream import Stream

_log = get_logger("fp_rpc.http2")
_BACKLOG: Final = 1_024
_CANCELLED, _UNKNOWN, _LATE, _RESOURCE_EXHAUSTED, _UNIMPLEMENTED = 1, 2, 4, 8, 12
# Of HTTP.
_OK, _NOT_GRPC, _TOO_MANY, _HEADERS_TOO_LARGE = 200, 415, 429, 431
_KEEPALIVE: Final = 60.0
_KEEPALIVE_ANSWER: Final = 20.0
# Seconds that handlers and connections get to end, once they are told to.
_LAST_WORDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Http2Policy:
    """calls: at once, of all connections. streams: at once, of one. header_bytes: of the headers of a call.

    shortest_ping: seconds. largest_message: bytes.
    """

    calls: int
    streams: int
    header_bytes: int
    shortest_ping: float
    largest_message: int


class _Details(NamedTuple):
    method: str
    invocation_metadata: Any


class Http2Server:
    """Takes the handlers of generated code in the place of `grpc.aio.server`, those of streams of requests."""

    def __init__(self, policy: Http2Policy) -> None:
        self.policy = policy
        self.connections: set[Connection | Http1Connection] = set()
        self.paths = HttpPaths()
        self._handlers: list[Any] = []
        self._known: dict[str, Any] = {}
        # Also of calls whose connection is gone.
        self._running: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._deadlines: Deadlines | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._empty: asyncio.Event | None = None

    def refusal(self, head: Head) -> bytes:
        """The whole answer to a call that is not run; empty for one that is."""
        if head.http != _OK:
            return self._http_refusal(head)
        if head.size > self.policy.header_bytes:
            return BEGIN + status_block(_RESOURCE_EXHAUSTED, "the headers are too large")
        if self.full:
            return BEGIN + status_block(_RESOURCE_EXHAUSTED, "too many calls at once")
        return b""

    def _http_refusal(self, head: Head) -> bytes:
        if head.http != _NOT_GRPC or self.paths.find(head.path) is None:
            return http_status(head.http)
        if head.size > self.policy.header_bytes:
            return http_status(_HEADERS_TOO_LARGE)
        return http_status(_TOO_MANY) if self.full else b""

    @property
    def full(self) -> bool:
        """Whether as many calls run as may."""
        return len(self._running) >= self.policy.calls

    def take_over(self, connection: Connection, transport: asyncio.Transport | None, data: bytes) -> None:
        """A connection that began with other bytes than HTTP/2 does. Raises ConnectionFailed for what is nothing."""
        if transport is None or not self.paths or not data[:1].isupper():
            raise ConnectionFailed(Code.PROTOCOL_ERROR, "this is not HTTP/2")
        self.connections.discard(connection)
        other = Http1Connection(self, connection.loop, transport)
        transport.set_protocol(other)
        other.data_received(data)

    def stream(self, connection: Connection, number: int, head: Head) -> Stream:
        """Of a call that is not refused."""
        now = connection.loop.time()
        found = None if head.http == _OK else self.paths.find(head.path)
        if found is None:
            return Stream(connection, number, head, now)
        return HttpStream(connection, number, head, now, found=found, watch=self.watch_deadline)

    def add_generic_rpc_handlers(self, handlers: Iterable[Any]) -> None:
        self._handlers += handlers

    def add_registered_method_handlers(self, name: str, handlers: Any) -> None:
        """Ignored: generated code gives the same ones as generic handlers too."""

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None) -> int:
        """Listen; answers the port. Raises OSError when the address cannot be had."""
        loop = asyncio.get_running_loop()
        self._deadlines = Deadlines(loop)
        self._server = await loop.create_server(
            lambda: Connection(self, loop), host, port, ssl=tls, backlog=_BACKLOG, reuse_port=False
        )
        self._watch = loop.call_later(_KEEPALIVE_ANSWER, self._look)
        found: int = self._server.sockets[0].getsockname()[1]
        return found

    async def stop(self, grace: float) -> None:
        """Take no more calls, let those under way end for `grace` seconds, cancel the others and close."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for connection in tuple(self.connections):
            connection.retire()
        if self._running:
            await asyncio.wait(self._running, timeout=grace)
        # Calls that are still under way are cut with their connections.
        for connection in tuple(self.connections):
            connection.end()
        if self._running:
            await asyncio.wait(self._running, timeout=_LAST_WORDS)
        await self._closed()
        if self._watch is not None:
            self._watch.cancel()
        if self._deadlines is not None:
            self._deadlines.close()

    def run(self, connection: Connection | Http1Connection, stream: Stream) -> None:
        stream.task = connection.loop.create_task(self._run(connection, stream))
        self._running.add(stream.task)
        if stream.deadline is not None:
            self.watch_deadline(stream)

    def watch_deadline(self, stream: Stream) -> None:
        if self._deadlines is not None:
            self._deadlines.add(stream)

    async def _run(self, connection: Connection | Http1Connection, stream: Stream) -> None:
        stream.started = True
        try:
            try:
                # It may have ended before it began.
                if stream.late:
                    await self._cancelled(stream)
                elif not stream.closed:
                    await self._answer(stream)
            except grpc.aio.AbortError:
                await stream.fail_as_asked()
            except asyncio.CancelledError:
                await self._cancelled(stream)
            except Exception as error:  # noqa: BLE001 -- a handler that ends its calls itself raises nothing else
                _log.exception("call failed", error, method=stream.head.path)
                await stream.fail(_UNKNOWN, "unexpected error")
        except asyncio.CancelledError:
            # While its end was being sent.
            pass
        finally:
            if stream.task is not None:
                self._running.discard(stream.task)
            if not stream.closed:
                stream.give_up()
            connection.streams.end(stream)
            if self._deadlines is not None:
                self._deadlines.drop(stream)

    async def _cancelled(self, stream: Stream) -> None:
        if stream.late:
            await stream.fail(_LATE, "the deadline passed")
        else:
            await stream.fail(_CANCELLED, "the call was cancelled")

    async def _answer(self, stream: Stream) -> None:
        if isinstance(stream, HttpStream):
            await stream.answer(await stream.handle(None, stream))
            return
        handler = self._known.get(stream.head.path) or self._find(stream)
        if handler is None:
            await stream.fail(_UNIMPLEMENTED, "Method not found!")
            return
        stream.reads(handler.request_deserializer)
        if not handler.response_streaming:
            found = await handler.stream_unary(stream.requests(), stream)
            serialize = handler.response_serializer
            await stream.answer(found if serialize is None else serialize(found))
            return
        stream.write_message = handler.response_serializer
        found = handler.stream_stream(stream.requests(), stream)
        if hasattr(found, "__aiter__"):
            async for message in found:
                await stream.write(message)
        else:
            await found
        await stream.answer(None)

    def _find(self, stream: Stream) -> Any:
        details = _Details(stream.head.path, stream.head.metadata)
        for handlers in self._handlers:
            found = handlers.service(details)
            if found is not None:
                if not found.request_streaming:
                    raise TypeError(f"{details.method} must be registered as a stream of requests")
                self._known[details.method] = found
                return found
        return None

    def gone(self, connection: Connection | Http1Connection) -> None:
        """Its last word."""
        self.connections.discard(connection)
        if not self.connections and self._empty is not None:
            self._empty.set()

    async def _closed(self) -> None:
        """Whoever does not take what is left for him is cut off."""
        if not self.connections:
            return
        self._empty = asyncio.Event()
        for cut in (False, True):
            for connection in tuple(self.connections):
                if cut:
                    connection.abort()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LAST_WORDS):
                    await self._empty.wait()
                    return

    def _look(self) -> None:
        """Ping who was not heard for long, and end whoever does not answer: a cut cable shows no other way."""
        loop = asyncio.get_running_loop()
        for connection in tuple(self.connections):
            silent = loop.time() - connection.heard_at
            if silent > _KEEPALIVE + _KEEPALIVE_ANSWER:
                connection.end()
            elif silent > _KEEPALIVE:
                connection.ping()
        self._watch = loop.call_later(_KEEPALIVE_ANSWER, self._look)
