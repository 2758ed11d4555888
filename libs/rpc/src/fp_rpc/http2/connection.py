"""One connection: its frames, and the streams that they begin and end."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, cast

from fp_telemetry import get_logger

from fp_rpc.http2 import frames
from fp_rpc.http2.blocks import Blocks
from fp_rpc.http2.credit import FIRST_MORE, Credit
from fp_rpc.http2.frames import Code, ConnectionFailed, StreamFailed
from fp_rpc.http2.head import Head
from fp_rpc.http2.noise import Noise
from fp_rpc.http2.outgoing import Outgoing
from fp_rpc.http2.peers import identities_of, peer_of
from fp_rpc.http2.reading import Reading
from fp_rpc.http2.rules import check, first_window_of
from fp_rpc.http2.streams import Streams

if TYPE_CHECKING:
    from fp_rpc.http2.listener import Http2Server

_log = get_logger("fp_rpc.http2")
_PREFACE_SECONDS: Final = 20.0
_CLOSING_SECONDS: Final = 5.0
# Calls that one connection begins before others have their turn: a few bytes begin one.
_TURN: Final = 64


class Connection(asyncio.Protocol):
    """peer: as gRPC names it. identities: names in the certificate at the other end."""

    outgoing: Outgoing
    _reading: Reading

    def __init__(self, server: "Http2Server", loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.peer = ""
        self.identities: tuple[bytes, ...] | None = None
        self.noise = Noise(server.policy.shortest_ping)
        self.largest_message = server.policy.largest_message
        self.heard_at = loop.time()
        self.streams = Streams()
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._greeted = False
        self._blocks = Blocks(self.noise)
        self._credit = Credit()
        self._retired = False
        # What ends it: a peer that does not greet, and later one that does not take its last words.
        self._cut: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.outgoing = Outgoing(self._transport, self.loop, self.noise)
        self._reading = Reading(self._transport, self.loop, lambda: self._hear(b""))
        self.peer, self.identities = peer_of(transport), identities_of(transport)
        self._server.connections.add(self)
        self._cut = self.loop.call_later(_PREFACE_SECONDS, self.end)

    def connection_lost(self, _: Exception | None) -> None:
        self._transport = None
        self._leave_timer()
        self._server.gone(self)
        for stream in tuple(self.streams.running.values()):
            stream.close()

    def pause_writing(self) -> None:
        # Whoever does not read his answers is asked no more until he does.
        self._reading.pause()
        self.outgoing.pause()

    def resume_writing(self) -> None:
        self._reading.resume()
        self.outgoing.resume()

    def data_received(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            # TLS hands over what came before its end.
            return
        self.heard_at = self.loop.time()
        if self._reading.waits:
            self._rest += data
        else:
            self._hear(data)

    def _hear(self, data: bytes) -> None:
        try:
            self._read(self._rest + data if self._rest else data)
        except ConnectionFailed as failed:
            self.end(failed.code, str(failed))

    def ping(self) -> None:
        self.outgoing.send(frames.frame(frames.PING, 0, 0, bytes(8)))

    def retire(self) -> None:
        """Take no more calls; those under way go on."""
        if not self._retired:
            self._retired = True
            self.outgoing.send(frames.going_away(self.streams.last, Code.NO_ERROR))

    def end(self, code: Code = Code.NO_ERROR, why: str = "") -> None:
        """Say why, and close; whoever does not take what is left for him is cut off."""
        if self._transport is None or self._transport.is_closing():
            return
        if code is not Code.NO_ERROR:
            _log.warning("a connection sent what cannot be read", cause=why, code=code.name)
        self._retired = True
        self.outgoing.send(frames.going_away(self.streams.last, code, why))
        self.outgoing.flush()
        self._transport.close()
        self._leave_timer()
        self._cut = self.loop.call_later(_CLOSING_SECONDS, self.abort)
        for stream in tuple(self.streams.running.values()):
            stream.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def consumed(self, size: int) -> None:
        """So many bytes of requests wait no more."""
        if more := self._credit.consumed(size):
            self.widen(0, more)

    def widen(self, stream: int, more: int) -> None:
        self.outgoing.send(frames.window_update(stream, more))

    def _leave_timer(self) -> None:
        if self._cut is not None:
            self._cut.cancel()
            self._cut = None

    def _read(self, data: bytes) -> None:
        """Take the frames that are whole; the rest waits."""
        at, end, unpack, size_of_head = 0, len(data), frames.HEAD.unpack_from, frames.HEAD.size
        if not self._greeted:
            if not data.startswith(frames.PREFACE[:end]):
                self._leave_timer()
                self._server.take_over(self, self._transport, data)
                return
            if end < len(frames.PREFACE):
                self._rest = data
                return
            at = len(frames.PREFACE)
            self._greet()
        most = self.streams.begun + _TURN
        while end - at >= size_of_head:
            high, low, kind, flags, number = unpack(data, at)
            size = high << 16 | low
            if size > frames.LARGEST:
                raise ConnectionFailed(Code.FRAME_SIZE_ERROR, "a frame larger than agreed")
            start = at + size_of_head
            if end - start < size:
                break
            at = start + size
            self._take(kind, flags, number & frames.LARGEST_WINDOW, data[start:at])
            if self.streams.begun >= most:
                self._reading.defer()
                break
        self._rest = data[at:]

    def _greet(self) -> None:
        self._greeted = True
        self._leave_timer()
        settings = frames.first_settings(self._server.policy.streams, self._server.policy.header_bytes)
        self.outgoing.send(settings + frames.window_update(0, FIRST_MORE))

    def _take(self, kind: int, flags: int, number: int, body: bytes) -> None:
        if self._blocks.unfinished and kind != frames.CONTINUATION:
            raise ConnectionFailed(Code.PROTOCOL_ERROR, "headers that do not go on")
        check(kind, number, len(body))
        take = _KINDS.get(kind)
        if take is None:
            # Of GOAWAY and what is not known nothing follows.
            self.noise.heard()
            return
        try:
            take(self, flags, number, body)
        except StreamFailed as failed:
            self.outgoing.send(frames.reset(failed.stream, failed.code))
            if stream := self.streams.running.get(failed.stream):
                stream.close()

    def _data(self, flags: int, number: int, body: bytes) -> None:
        size = len(body)
        self._credit.spend(size)
        ended = bool(flags & frames.END_STREAM)
        data = frames.without_padding(flags, body) if flags & frames.PADDED else body
        if not data and not ended:
            self.noise.heard()
        self.consumed(padding := size - len(data))
        stream = self.streams.running.get(number)
        if stream is None or stream.closed:
            self.consumed(len(data))
            if not self.streams.may_send(number, ended=ended):
                self.noise.heard()
                raise StreamFailed(number, Code.STREAM_CLOSED)
        elif (refused := stream.take(data, ended=ended)) is not None:
            self.consumed(len(data))
            raise StreamFailed(number, refused)
        elif padding and not ended:
            # It counts for the window of the stream too.
            self.widen(number, padding)

    def _begin(self, flags: int, number: int, body: bytes) -> None:
        if block := self._blocks.begin(flags, number, body):
            self._head(*block)

    def _continue(self, flags: int, number: int, body: bytes) -> None:
        if block := self._blocks.go_on(flags, number, body):
            self._head(*block)

    def _head(self, flags: int, number: int, head: Head) -> None:
        ended = bool(flags & frames.END_STREAM)
        stream = self.streams.running.get(number)
        if stream is not None:
            # Trailers; gRPC's requests have none that say anything.
            wrong = not stream.ended and (not ended or head.has_pseudo)
            refused = Code.PROTOCOL_ERROR if wrong else stream.take(b"", ended=True)
            if refused is not None:
                raise StreamFailed(number, refused)
            return
        if not self.streams.begin(number, retired=self._retired):
            if not self.streams.may_send(number, ended=ended):
                raise ConnectionFailed(Code.STREAM_CLOSED, "headers of a stream that has ended")
        elif not self._retired:
            # Else the client sends it again elsewhere.
            self._start(number, head, ended=ended)

    def _start(self, number: int, head: Head, *, ended: bool) -> None:
        malformed = head.malformed or (ended and head.length)
        if malformed or len(self.streams.running) >= self._server.policy.streams:
            self.streams.leave(number, ended=ended)
            raise StreamFailed(number, Code.PROTOCOL_ERROR if malformed else Code.REFUSED_STREAM)
        if refusal := self._server.refusal(head):
            self.streams.leave(number, ended=ended)
            end = frames.END_HEADERS | frames.END_STREAM
            self.outgoing.send(frames.frame(frames.HEADERS, end, number, refusal))
            if not ended:
                self.outgoing.send(frames.reset(number, Code.NO_ERROR))
            return
        stream = self.streams.running[number] = self._server.stream(self, number, head)
        stream.ended = ended
        self._server.run(self, stream)

    def _reset(self, _flags: int, number: int, _body: bytes) -> None:
        if not self.streams.reset(number):
            self.noise.heard()
        if stream := self.streams.running.get(number):
            stream.ended = True
            stream.close()

    def _settings(self, flags: int, _number: int, body: bytes) -> None:
        window = first_window_of(flags, body)
        if flags & frames.ACK:
            return
        self.noise.heard()
        self.outgoing.send(frames.frame(frames.SETTINGS, frames.ACK, 0, b""))
        if window is not None:
            self.outgoing.resize(window)

    def _ping(self, flags: int, _number: int, body: bytes) -> None:
        if not flags & frames.ACK:
            self.noise.ping()
            self.outgoing.send(frames.frame(frames.PING, frames.ACK, 0, body))

    def _widen(self, _flags: int, number: int, body: bytes) -> None:
        more = frames.number(body) & frames.LARGEST_WINDOW
        self.noise.heard()
        if not number:
            self.outgoing.widen(more)
        elif stream := self.streams.running.get(number):
            if not more:
                raise StreamFailed(number, Code.PROTOCOL_ERROR)
            self.outgoing.widen_stream(stream, more)
        else:
            self.streams.expect_begun(number)

    def _priority(self, _flags: int, number: int, body: bytes) -> None:
        frames.check_priority(number, body)
        self.noise.heard()

    def _refused(self, _flags: int, _number: int, _body: bytes) -> None:
        raise ConnectionFailed(Code.PROTOCOL_ERROR, "a frame that no client sends")


_KINDS: Final[dict[int, Callable[[Connection, int, int, bytes], None]]] = {
    frames.DATA: Connection._data,  # noqa: SLF001 -- its own
    frames.HEADERS: Connection._begin,  # noqa: SLF001
    frames.PRIORITY: Connection._priority,  # noqa: SLF001
    frames.RST_STREAM: Connection._reset,  # noqa: SLF001
    frames.SETTINGS: Connection._settings,  # noqa: SLF001
    frames.PUSH_PROMISE: Connection._refused,  # noqa: SLF001
    frames.PING: Connection._ping,  # noqa: SLF001
    frames.WINDOW_UPDATE: Connection._widen,  # noqa: SLF001
    frames.CONTINUATION: Connection._continue,  # noqa: SLF001
}
