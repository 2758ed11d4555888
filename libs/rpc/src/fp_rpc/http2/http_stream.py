"""A call as plain HTTP: its body is the request, and a document the answer (ADR 0231).

Everything before and behind the handler is as for gRPC; a failure is a problem of RFC 9457.
"""

import asyncio
import math
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson
from fp_kernel import Error, invalid
from fp_kernel.errors import BY_KIND

from fp_rpc import headers
from fp_rpc.errors import from_status, kind_of, to_problem, too_large
from fp_rpc.http2.answers import fields, http_status, packed
from fp_rpc.http2.frames import DATA, END_HEADERS, END_STREAM, FIRST_WINDOW, HEADERS, frame
from fp_rpc.http2.head import Head
from fp_rpc.http2.messages import Messages
from fp_rpc.http2.stream import Stream

if TYPE_CHECKING:
    from fp_rpc.http2.connection import Connection

# Seconds for the whole body, and of silence in the middle of it.
_BODY_SECONDS: Final = 300.0
_SILENCE: Final = 10.0
_PROBLEM: Final = "application/problem+json"
# What browsers must not do with an answer, as the gateway's have it; the edge adds what else it promises.
ALWAYS: Final = (
    ("cache-control", "no-store"),
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
)
_ALWAYS: Final = packed(ALWAYS)


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """values: of the parameters of its path. sent: its headers."""

    body: bytes
    values: Mapping[str, str]
    sent: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.body)


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """Of a call that went well. kind: its media type. fields: further headers."""

    body: bytes
    kind: str
    fields: Mapping[str, str]

    def __len__(self) -> int:
        return len(self.body)


Handle = Callable[[Any, Any], Awaitable[HttpAnswer]]


@dataclass(frozen=True, slots=True)
class HttpRoute:
    """handle: as of a gRPC handler; gets an HttpRequest and gives an HttpAnswer. limit: bytes of a body.

    seconds: from the end of the body until the answer must be there.
    """

    handle: Handle
    limit: int
    seconds: float


class _Body(Messages):
    """Data of a request that is one body. expected: bytes of it, as far as that is known."""

    __slots__ = ("_expected",)

    def __init__(self, limit: int, expected: int | None) -> None:
        super().__init__(limit, "identity")
        self._expected = limit if expected is None else min(expected, limit)

    def more(self) -> int:
        missing = self._expected - self.size
        if self._credit >= min(missing, FIRST_WINDOW // 2):
            return 0
        more = max(missing, FIRST_WINDOW) - self._credit
        self._credit += more
        return more

    def unlimited(self) -> None:
        """Where the transport itself holds a client up."""
        self._credit = sys.maxsize

    @property
    def size(self) -> int:
        return len(self._data)

    def whole(self) -> bytes:
        data, self._data = self._data, b""
        return bytes(data)


class HttpStream(Stream):
    """values: of the parameters of its path. watch: ends the call at its deadline, which begins behind the body."""

    __slots__ = ("_body", "_route", "_values", "_watch")

    def __init__(
        self,
        connection: "Connection",
        number: int,
        head: Head,
        now: float,
        *,
        found: tuple[HttpRoute, Mapping[str, str]],
        watch: Callable[[Stream], None],
    ) -> None:
        super().__init__(connection, number, head, now)
        self.deadline = None
        self._route, self._values = found
        self._watch = watch
        self._messages = self._body = _Body(self._route.limit, head.length)

    @property
    def handle(self) -> Handle:
        return self._route.handle

    def time_remaining(self) -> float:
        """Of a caller who sets none there is one all the same."""
        found = super().time_remaining()
        return _BODY_SECONDS + self._route.seconds if found is None else found

    async def read(self) -> Any:
        """The whole body. Raises InvalidArgument for one that does not come, ResourceExhausted for a large one."""
        if (self.head.length or 0) > self._route.limit:
            raise too_large(self.head.length or 0, self._route.limit, field="body")
        self._consume()
        if not self.ended:
            await self._complete()
        self._check_size()
        body = HttpRequest(self._body.whole(), self._values, self.head.metadata)
        loop = self._connection.loop
        self.deadline = loop.time() + self._route.seconds
        self._watch(self)
        return body

    async def answer(self, body: Any) -> None:
        trailing = ((name, value) for name, value in self._trailers or () if isinstance(value, str))
        self._reply(200, body.kind, body.body, (*body.fields.items(), *trailing))
        self._connection.noise.useful()
        await self._flushed()

    async def fail(self, status: int, message: str) -> None:
        if self._began:
            self.give_up()
            return
        error = self._error(status, message)
        document = to_problem(error)
        more = [(headers.REQUEST_ID, self._id())]
        if error.retry_after is not None:
            more.append(("retry-after", str(max(1, math.ceil(error.retry_after)))))
        self._reply(document["status"], _PROBLEM, orjson.dumps(document), more)
        await self._flushed()

    async def _complete(self) -> None:
        """Wait for the rest of the body."""
        loop = self._connection.loop
        last = loop.time() + _BODY_SECONDS
        while not self.ended:
            if self.closed:
                raise asyncio.CancelledError
            self._check_size()
            if more := self._body.more():
                self._connection.widen(self.number, more)
            self._waiter = loop.create_future()
            try:
                async with asyncio.timeout(min(_SILENCE, last - loop.time())):
                    await self._waiter
            except TimeoutError:
                raise invalid("body", "did not come in time") from None
            finally:
                self._waiter = None

    def _check_size(self) -> None:
        if self._body.size > self._route.limit:
            raise too_large(self._body.size, self._route.limit, field="body")

    def _error(self, status: int, message: str) -> Error:
        for name, value in self._trailers or ():
            if name == headers.STATUS_DETAILS and isinstance(value, bytes):
                return from_status(value)
        return BY_KIND[kind_of(status)](message)

    def _id(self) -> str:
        """What the caller can quote."""
        own = headers.well_formed_id(str(self.head.metadata.get(headers.REQUEST_ID, "")))
        return own or next((str(value) for name, value in self._trailers or () if name == headers.CORRELATION_ID), "")

    def _reply(self, status: int, kind: str, body: bytes, more: Iterable[tuple[str, str]]) -> None:
        if self.closed:
            return
        block = http_status(status) + _ALWAYS + fields(kind, len(body)) + packed(more)
        head = frame(HEADERS, END_HEADERS, self.number, block)
        self._began = True
        outgoing = self._connection.outgoing
        if outgoing.takes(self, len(body)):
            outgoing.send(head + frame(DATA, END_STREAM, self.number, body))
            self._over()
            return
        outgoing.send(head)
        self._send(body)
        self._finish(frame(DATA, END_STREAM, self.number, b""))
