"""One call: what its handler gets as its context, in the place of grpc.aio's."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, Final, NoReturn

import grpc

from fp_rpc.http2.answers import BEGIN, Metadata, packed, status_block
from fp_rpc.http2.frames import DATA, END_HEADERS, END_STREAM, HEADERS, Code, frame, reset
from fp_rpc.http2.head import Head
from fp_rpc.http2.messages import Messages, framed

if TYPE_CHECKING:
    from fp_rpc.http2.connection import Connection

# Seconds that an early status waits for the first message.
_FIRST_WORDS: Final = 0.05
_OK_TRAILERS: Final = status_block(0, "")

Deserialize = Callable[[bytes], Any] | None


class Stream:
    """window: bytes of data that the peer takes, beyond the first window of all streams. held: what waits for that.

    ended: the peer sends no more.
    closed: nothing can be sent any more. late: its deadline passed. deadline: on the loop's clock; None without one.
    due: when it is looked at; None when it is not. started: whether its task runs.
    """

    __slots__ = (
        "_began",
        "_code",
        "_connection",
        "_details",
        "_messages",
        "_read_message",
        "_sent",
        "_tail",
        "_trailers",
        "_uncredited",
        "_unsent",
        "_waiter",
        "closed",
        "deadline",
        "due",
        "ended",
        "head",
        "held",
        "late",
        "number",
        "started",
        "task",
        "window",
        "write_message",
    )

    def __init__(self, connection: "Connection", number: int, head: Head, now: float) -> None:
        self.number = number
        self.head = head
        self.deadline = None if head.timeout is None else now + head.timeout
        self.window = 0
        self.held = bytearray()
        self.ended = self.closed = self.late = False
        self.task: asyncio.Task[None] | None = None
        self.due: float | None = None
        self.started = False
        self.write_message: Callable[[Any], bytes] | None = None
        self._read_message: Deserialize = None
        self._connection = connection
        self._messages = Messages(connection.largest_message, head.encoding)
        self._uncredited = 0
        self._unsent = head.length
        self._waiter: asyncio.Future[None] | None = None
        self._sent: asyncio.Future[None] | None = None
        self._tail = b""
        self._began = False
        self._code: Any = None
        self._details = ""
        self._trailers: Metadata | None = None

    # What handlers ask of their context, by gRPC's names.

    def invocation_metadata(self) -> Any:
        return self.head.metadata

    def time_remaining(self) -> float | None:
        return None if self.deadline is None else max(0.0, self.deadline - self._connection.loop.time())

    def peer(self) -> str:
        return self._connection.peer

    def peer_identities(self) -> tuple[bytes, ...] | None:
        return self._connection.identities

    def trailing_metadata(self) -> Metadata | None:
        return self._trailers

    def set_trailing_metadata(self, metadata: Metadata) -> None:
        self._trailers = metadata

    def code(self) -> Any:
        return self._code

    async def abort(self, code: Any, details: str = "", trailing_metadata: Metadata | None = None) -> NoReturn:
        self._code, self._details = code, details
        if trailing_metadata is not None:
            self._trailers = trailing_metadata
        raise grpc.aio.AbortError

    async def send_initial_metadata(self, metadata: Metadata) -> None:
        if not self._began:
            self._begin(packed(metadata))

    async def read(self) -> Any:
        """The next message of the request; grpc.aio.EOF behind the last.

        Raises InvalidArgument for what is no message, ResourceExhausted for one that is larger than gRPC would take.
        """
        self._consume()
        while (message := self._messages.next()) is None:
            if self.closed:
                raise asyncio.CancelledError
            if self.ended:
                self._messages.end()
                return grpc.aio.EOF
            if more := self._messages.more():
                self._connection.widen(self.number, more)
            self._waiter = self._connection.loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return message if self._read_message is None else self._read_message(message)

    async def write(self, message: Any) -> None:
        """Returns when the peer takes it."""
        body = message if self.write_message is None else self.write_message(message)
        if self.closed:
            raise asyncio.CancelledError
        if not self._began:
            self._begin()
        self._send(framed(body))
        self._connection.noise.useful()
        await self._flushed()

    # What the connection does with it.

    async def requests(self) -> AsyncIterator[Any]:
        while (message := await self.read()) is not grpc.aio.EOF:
            yield message

    def reads(self, deserialize: Deserialize) -> None:
        self._read_message = deserialize

    def take(self, data: bytes, *, ended: bool) -> Code | None:
        """Bytes of the request; why the peer may not send them, if so."""
        size = len(data)
        if self.ended:
            return Code.STREAM_CLOSED
        if self._unsent is not None:
            self._unsent -= size
            if self._unsent < 0 or (ended and self._unsent):
                return Code.PROTOCOL_ERROR
        if not self._messages.take(data):
            return Code.FLOW_CONTROL_ERROR
        self.ended = ended
        if self._waiter is None:
            self._uncredited += size
        else:
            self._connection.consumed(size)
            if not self._waiter.done():
                self._waiter.set_result(None)
        return None

    async def answer(self, body: bytes | None) -> None:
        """The end of a call that went well. body: of its one answer."""
        trailers = _OK_TRAILERS if self._trailers is None else _OK_TRAILERS + packed(self._trailers)
        tail = frame(HEADERS, END_HEADERS | END_STREAM, self.number, trailers)
        message = b"" if body is None else framed(body)
        if body is None:
            if not self._began:
                self._begin()
            self._finish(tail)
        elif not self._began and self._connection.outgoing.takes(self, len(message)):
            # Nearly every answer: three frames that leave as one piece.
            head = frame(HEADERS, END_HEADERS, self.number, BEGIN)
            self._connection.outgoing.send(head + frame(DATA, 0, self.number, message) + tail)
            self._over()
        else:
            if not self._began:
                self._begin()
            self._send(message)
            self._finish(tail)
        self._connection.noise.useful()
        await self._flushed()

    async def fail(self, status: int, message: str) -> None:
        if not self._messages.begun and not self.ended and not self.closed:
            await self._first_words()
        if self.held:
            # A status behind it would wait as long.
            self.give_up()
            return
        trailers = status_block(status, message) + packed(self._trailers or ())
        block = trailers if self._began else BEGIN + trailers
        self._finish(frame(HEADERS, END_HEADERS | END_STREAM, self.number, block))
        await self._flushed()

    async def fail_as_asked(self) -> None:
        """As `abort` was told."""
        code = self._code.value[0] if isinstance(self._code, grpc.StatusCode) else int(self._code)
        await self.fail(code, self._details)

    def close(self) -> None:
        """Nobody waits for it any more."""
        self._drop()
        self.cancel()

    def give_up(self) -> None:
        """Its client does not take what is left of the answer."""
        self._connection.outgoing.send(reset(self.number, Code.CANCEL))
        self._drop()

    def cancel(self) -> None:
        """End the handler. One that has not begun sees by itself that nobody waits."""
        if self.started and self.task is not None:
            self.task.cancel()

    def released(self) -> None:
        """All that was held is sent."""
        if self._tail and not self.closed:
            tail, self._tail = self._tail, b""
            self._connection.outgoing.send(tail)
            self._over()
        if self._sent is not None and not self._sent.done():
            self._sent.set_result(None)

    def _drop(self) -> None:
        self.closed = True
        self.held.clear()
        self._connection.outgoing.drop(self)
        self._consume()
        self._messages.clear()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        if self._sent is not None and not self._sent.done():
            self._sent.set_result(None)

    def _begin(self, more: bytes = b"") -> None:
        self._began = True
        if not self.closed:
            self._connection.outgoing.send(frame(HEADERS, END_HEADERS, self.number, BEGIN + more))

    def _send(self, data: bytes) -> None:
        if self.closed:
            return
        outgoing = self._connection.outgoing
        if outgoing.takes(self, len(data)):
            outgoing.send(frame(DATA, 0, self.number, data))
            return
        self.held += data
        outgoing.hold(self)

    def _finish(self, tail: bytes) -> None:
        if self.closed:
            return
        if self.held:
            self._tail = tail
            return
        self._connection.outgoing.send(tail)
        self._over()

    def _over(self) -> None:
        """The answer is sent; a request that is still under way is not wanted any more."""
        self.closed = True
        if not self.ended:
            self._connection.outgoing.send(reset(self.number, Code.NO_ERROR))
        self._consume()
        self._messages.clear()

    async def _first_words(self) -> None:
        """A client of gRPC that is just about to send its first message would learn of no status that came before."""
        waiter = self._waiter = self._connection.loop.create_future()
        try:
            await asyncio.wait((waiter,), timeout=_FIRST_WORDS)
        finally:
            self._waiter = None

    async def _flushed(self) -> None:
        if self.held:
            self._sent = self._connection.loop.create_future()
            await self._sent

    def _consume(self) -> None:
        if self._uncredited:
            self._connection.consumed(self._uncredited)
            self._uncredited = 0
