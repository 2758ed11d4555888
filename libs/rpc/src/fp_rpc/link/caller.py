"""The side of a link that asks."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, cast

from forgepoint.link.v1 import link_pb2 as pb
from fp_kernel import DeadlineExceeded, Error, Kind, Unavailable
from fp_telemetry import correlation_id, inject_span
from fp_telemetry.traces import TRACEPARENT

from fp_rpc.client.call_context import CallContext, ChannelContext
from fp_rpc.client.on_behalf_of import acting_now
from fp_rpc.errors import from_status
from fp_rpc.identity.caller import refuses_bearer
from fp_rpc.link.framing import LARGEST, OLDEST, VERSION, BadFrame, FrameReader, pack
from fp_rpc.link.outbox import Outbox

Address = tuple[str, int]
Locate = Callable[[], Awaitable[Address]]
# A peer whose loop turns answers a ping at once, however slow its model is.
_PONG_SECONDS: Final = 2.0


class Link:
    """Calls of one method of one peer; connects when there is something to ask, and again after a loss.

    locate: where the peer listens now; asked before each connection. It raises what the call then raises.
    peer: its noun, by which its certificate is verified. tls: a context for each connection.
    """

    def __init__(
        self,
        method: str,
        context: ChannelContext,
        locate: Locate,
        *,
        closed: Callable[["Link"], None],
        peer: str = "",
        tls: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        self._method = method
        self._context = context
        self._locate = locate
        self._closed = closed
        self._peer = peer
        self._tls = tls
        self._opening = asyncio.Lock()
        self._connection: _Connection | None = None
        # Also those that a peer that goes away still answers on.
        self._open: set[_Connection] = set()

    async def call(self, body: bytes, *, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 -- as stubs take it
        """The response to a request. timeout: seconds; less when the call that is being handled has less left.

        Raises what the peer raised, as a channel does, and Unavailable when it cannot be reached.
        """
        context = self._context.begin(self._method, timeout, streams=False)
        try:
            answer = await self._ask(body, context)
        except Error as error:
            context.end(error.kind.value, error)
            raise
        except BaseException:
            context.end(Kind.CANCELLED.value)
            raise
        context.end()
        return answer

    async def close(self) -> None:
        """End the connection; calls under way fail with Unavailable."""
        self._closed(self)
        self._connection = None
        for connection in tuple(self._open):
            connection.lose()

    async def _ask(self, body: bytes, context: CallContext) -> bytes:
        token, asked, again = "", False, True
        while True:
            try:
                async with asyncio.timeout(max(0.0, context.remaining())):
                    token = await self._token()
                    connection = self._connection
                    if connection is None or not connection.usable:
                        connection = await self._connect(token)
                    asked = True
                    return await connection.ask(self._frame(body, context), token)
            except TimeoutError:
                raise (
                    context.own(DeadlineExceeded("a peer did not answer in time"), token)
                    if asked
                    else (context.unprepared())
                ) from None
            except Error as error:
                # A peer checks the token before it does anything, so that any call may be sent again, once.
                if again and token and refuses_bearer(error) and self._refused(token):
                    again = False
                    continue
                raise context.own(error, token) from error

    async def _token(self) -> str:
        credential = self._context.credential
        return await credential.token() if credential is not None else ""

    def _refused(self, token: str) -> bool:
        credential = self._context.credential
        return credential is not None and credential.refused(token)

    def _frame(self, body: bytes, context: CallContext) -> pb.Frame:
        team, user = acting_now() if self._context.acts_for_others else ("", "")
        carrier: dict[str, str] = {}
        inject_span(context.span, carrier)
        return pb.Frame(
            kind=pb.FRAME_KIND_ASK,
            body=body,
            time_left=max(1, int(context.remaining() * 1e6)),
            team=team,
            user=user,
            correlation_id=correlation_id.get(),
            traceparent=carrier.get(TRACEPARENT, ""),
        )

    async def _connect(self, token: str) -> "_Connection":
        """One attempt at a time; whoever waited for it gets its connection."""
        async with self._opening:
            if self._connection is not None and self._connection.usable:
                return self._connection
            connection = await self._reach(*await self._locate())
            try:
                await connection.greet(token)
            except BaseException:
                connection.lose()
                raise
            self._connection = connection
            return connection

    async def _reach(self, host: str, port: int) -> "_Connection":
        try:
            context = self._tls() if self._tls is not None else None
            peer = self._peer if context is not None else None
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: _Connection(self._method, self._open),
                host,
                port,
                ssl=context,
                server_hostname=peer,
            )
        except OSError as error:
            # Of TLS too, and of files that are being replaced: their errors are of this type.
            raise _lost() from error
        return connection


class _Connection(asyncio.Protocol):
    """opened: where it stands from its beginning to its end."""

    def __init__(self, method: str, opened: "set[_Connection]") -> None:
        self._method = method
        self._opened = opened
        self._reader = FrameReader(LARGEST)
        self._transport: asyncio.Transport | None = None
        self._outbox: Outbox | None = None
        self._token = ""
        self._welcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._calls: dict[int, asyncio.Future[bytes]] = {}
        self._last = 0
        self._heard = 0
        self._pong: asyncio.TimerHandle | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self.usable = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._outbox = Outbox(self._transport, asyncio.get_running_loop())
        self._opened.add(self)

    def connection_lost(self, _: Exception | None) -> None:
        self._opened.discard(self)
        self._fail(_lost)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        self._heard += 1
        if self._pong is not None:
            self._pong.cancel()
            self._pong = None
        try:
            for frame in self._reader.feed(data):
                self._take(frame)
        except BadFrame:
            self.lose()

    async def greet(self, token: str) -> None:
        """Say who calls; returns when the peer takes calls. Raises what the peer says against it."""
        self._hello(token)
        await self._welcome
        self.usable = True

    async def ask(self, frame: pb.Frame, token: str) -> bytes:
        """Raises the peer's error, Unavailable when the connection is lost."""
        if not self._writable.is_set():
            await self._writable.wait()
        if not self.usable:
            raise _lost()
        if token != self._token:
            self._hello(token)
        self._last += 1
        frame.call = number = self._last
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._calls[number] = answer
        heard = self._heard
        self._send(frame)
        try:
            return await answer
        except asyncio.CancelledError:
            self._send(pb.Frame(kind=pb.FRAME_KIND_CANCEL, call=number))
            if heard == self._heard:
                self._ping()
            raise
        finally:
            self._calls.pop(number, None)

    def lose(self) -> None:
        if self._transport is not None:
            self._transport.abort()
        self._fail(_lost)

    def _take(self, frame: pb.Frame) -> None:
        kind = frame.kind
        if kind == pb.FRAME_KIND_ANSWER:
            answer = self._calls.get(frame.call)
            if answer is not None and not answer.done():
                answer.set_result(frame.body)
        elif kind == pb.FRAME_KIND_REFUSAL:
            answer = self._calls.get(frame.call)
            if not frame.call:
                self._fail(partial(from_status, frame.body))
            elif answer is not None and not answer.done():
                answer.set_exception(from_status(frame.body))
        elif kind == pb.FRAME_KIND_WELCOME and not self._welcome.done():
            self._welcome.set_result(None)
        elif kind == pb.FRAME_KIND_GOING_AWAY:
            self.usable = False

    def _hello(self, token: str) -> None:
        self._token = token
        self._send(
            pb.Frame(
                kind=pb.FRAME_KIND_HELLO,
                credential=token,
                method=self._method,
                version=VERSION,
                oldest_version=OLDEST,
            )
        )

    def _ping(self) -> None:
        """A call ended without a sign of the peer: a cut cable shows no other way, and TCP goes on for minutes."""
        if self._pong is None and self._transport is not None:
            self._send(pb.Frame(kind=pb.FRAME_KIND_PING))
            self._pong = asyncio.get_running_loop().call_later(_PONG_SECONDS, self.lose)

    def _fail(self, error: Callable[[], Error]) -> None:
        """error: makes one for each call, since whoever gets it changes it."""
        self.usable = False
        self._transport = self._outbox = None
        self._writable.set()
        if self._pong is not None:
            self._pong.cancel()
            self._pong = None
        waiting: tuple[asyncio.Future[Any], ...] = (self._welcome, *self._calls.values())
        for answer in waiting:
            if not answer.done():
                answer.set_exception(error())
        if not self._welcome.cancelled():
            # Nobody may wait for it any more.
            self._welcome.exception()

    def _send(self, frame: pb.Frame) -> None:
        if self._outbox is not None:
            self._outbox.send(pack(frame))


def _lost() -> Error:
    return Unavailable("a peer is unavailable")
