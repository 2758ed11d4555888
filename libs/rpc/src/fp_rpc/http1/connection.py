"""One connection of HTTP/1.1: its requests, one after the other."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import httptools

from fp_rpc.http1.stream import Http1Stream, answer
from fp_rpc.http2.head import FOREIGN, OWN, Head, length_of
from fp_rpc.http2.peers import identities_of, peer_of
from fp_rpc.http2.streams import Streams

if TYPE_CHECKING:
    from fp_rpc.http2.listener import Http2Server
    from fp_rpc.http2.stream import Stream

# Of a body, before its handler asks for it.
_UNREAD: Final = 64 * 1024
# A body that nobody will read is taken for so long after its answer: most clients send all of it before they read.
_LINGER: Final = 5.0
# Seconds for whoever takes what is left for him when his connection ends, and bytes a second beyond them.
_CLOSING: Final = 5.0
_SLOWEST: Final = 64 * 1024
# Requests that one sends before the first of them is answered; one read of a socket may hold thousands.
_PIPELINED: Final = 32
_BAD, _NOT_FOUND, _WRONG_VERB, _TOO_MANY, _HEADERS_TOO_LARGE = 400, 404, 405, 429, 431


class Http1Connection(asyncio.Protocol):
    """Begins with what its client sent so far. heard_at: not later than the present head began, so that half of one
    counts as silence.
    """

    def __init__(self, server: "Http2Server", loop: asyncio.AbstractEventLoop, transport: asyncio.Transport) -> None:
        self.loop = loop
        self.peer, self.identities = peer_of(transport), identities_of(transport)
        self.largest_message = server.policy.largest_message
        self.heard_at = loop.time()
        self.streams = Streams()
        self.outgoing = self.noise = self
        self._server = server
        self._transport = transport
        self._parser = httptools.HttpRequestParser(self)
        # Of which the first is answered.
        self._calls: deque[Http1Stream] = deque()
        self._url = b""
        self._fields: dict[str, str] = {}
        self._size = 0
        # Bytes that the parser took since it last told anything whole; it keeps a header until its end.
        self._unfinished = 0
        self._in_head = self._paused = self._full = self._retired = self._lingers = False
        self._timer: asyncio.TimerHandle | None = None
        server.connections.add(self)

    def data_received(self, data: bytes) -> None:
        if self._lingers:
            return
        if not self._in_head:
            self.heard_at = self.loop.time()
        self._unfinished += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._refuse(_BAD)
            return
        if self._unfinished > self._server.policy.header_bytes:
            self._refuse(_HEADERS_TOO_LARGE)

    def connection_lost(self, _: Exception | None) -> None:
        self._lingers = True
        self._leave_timer()
        self._server.gone(self)
        for call in tuple(self._calls):
            call.close()

    def pause_writing(self) -> None:
        self._full = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._full = False
        if not self._paused:
            self._transport.resume_reading()
        if self._calls and self._calls[0].task is None and not self._transport.is_closing():
            self._begin()

    # What the parser finds.

    def on_message_begin(self) -> None:
        self._url, self._fields, self._size, self._in_head = b"", {}, 0, True

    def on_url(self, url: bytes) -> None:
        self._size += len(url)
        if self._size <= self._server.policy.header_bytes:
            self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._size += len(name) + len(value) + 32
        if self._size <= self._server.policy.header_bytes:
            # Of one that came several times the first counts.
            self._fields.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))

    def on_headers_complete(self) -> None:
        self._in_head, self._unfinished = False, 0
        if self._lingers:
            return
        head = self._head()
        found = self._server.paths.find(head.path)
        if self._size > self._server.policy.header_bytes:
            self._refuse(_HEADERS_TOO_LARGE)
        elif found is None:
            self._refuse(_NOT_FOUND)
        elif self._parser.get_method() != b"POST":
            self._refuse(_WRONG_VERB)
        elif self._server.full:
            self._refuse(_TOO_MANY)
        elif len(self._calls) >= _PIPELINED:
            # Whoever sent it asks again for what gets no answer (RFC 9112, section 9.3.2).
            self._calls[-1].keep = False
            self._lingers = True
        else:
            keep = self._parser.should_keep_alive()
            watch = self._server.watch_deadline
            self._calls.append(Http1Stream(self, head, self.loop.time(), found=found, watch=watch, keep=keep))
            if len(self._calls) == 1:
                self._begin()

    def on_body(self, data: bytes) -> None:
        self._unfinished = 0
        if self._lingers:
            return
        call = self._calls[-1]
        call.take(data, ended=False)
        if call.unread > _UNREAD and not call.wanted:
            self._pause()

    def on_message_complete(self) -> None:
        self._unfinished = 0
        if self._lingers:
            return
        self._calls[-1].take(b"", ended=True)
        if len(self._calls) > 1:
            self._pause()

    # What calls ask for.

    def send(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)

    def read_on(self) -> None:
        if self._paused:
            self._paused = False
            if not self._transport.is_closing():
                self._transport.resume_reading()

    def answered(self) -> None:
        """The first call is."""
        call = self._calls.popleft()
        if not call.ended or (self._lingers and not call.keep):
            self._linger()
        elif not call.keep or self._retired:
            self.end()
        elif self._calls:
            # Whoever does not read his answers gets no more of them made.
            if not self._full:
                self._begin()
        else:
            self.read_on()

    def consumed(self, size: int) -> None:
        """Nothing is counted here: a connection has one body at a time."""

    def widen(self, stream: int, more: int) -> None:
        """As `consumed`."""

    def drop(self, stream: "Stream") -> None:
        """As `consumed`: nothing is held."""

    def useful(self) -> None:
        """As `consumed`."""

    # What the server asks for.

    def ping(self) -> None:
        """There is none; the silence goes on."""

    def retire(self) -> None:
        """Take no more calls; the one under way is answered."""
        self._retired = True
        if not self._calls:
            self.end()

    def end(self, *_: Any) -> None:
        """Whoever does not take what is left for him is cut off."""
        if self._transport.is_closing():
            return
        self._lingers = True
        left = self._transport.get_write_buffer_size()
        self._transport.close()
        self._wait(_CLOSING + left / _SLOWEST, self.abort)

    def abort(self) -> None:
        self._transport.abort()

    def _begin(self) -> None:
        self._server.run(self, self._calls[0])

    def _pause(self) -> None:
        self._paused = True
        self._transport.pause_reading()

    def _head(self) -> Head:
        fields = {name: value for name, value in self._fields.items() if name not in OWN and name not in FOREIGN}
        path = self._url.decode("latin-1")
        length = length_of(self._fields.get("content-length"))
        return Head(path, fields, None, "identity", self._size, 0, malformed=False, has_pseudo=True, length=length)

    def _refuse(self, status: int) -> None:
        """What is no call of ours; whatever follows is not read."""
        if self._lingers:
            return
        if not self._calls:
            self.send(answer(status, "", b"", (), keep=False))
        self._linger()

    def _linger(self) -> None:
        """Most clients read no answer before they have sent their body. Whoever reads until the end has it now: he
        waited for as long as a body that nobody reads is taken (RFC 9112, section 9.6).
        """
        self._lingers = True
        self.read_on()
        if not self._calls and self._transport.can_write_eof():
            self._transport.write_eof()
        self._wait(_LINGER, self.end)

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        self._leave_timer()
        self._timer = self.loop.call_later(seconds, then)

    def _leave_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
