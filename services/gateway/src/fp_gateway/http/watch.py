"""SSE over fetch: the transitions of an execution as they happen."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from hashlib import sha256

import orjson
from forgepoint.pipeline.v1 import pipeline_pb2 as pb
from fp_kernel import Error, ResourceExhausted, invalid
from fp_rpc.errors import to_problem
from google.protobuf.message import Message
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute
from starlette.routing import Route as HttpRoute
from starlette.types import Receive, Scope, Send

from fp_gateway.http import bind, table
from fp_gateway.http.answers import answering
from fp_gateway.http.caller import Caller

_LARGEST_SEQUENCE = 2**63 - 1


@dataclass(frozen=True, slots=True)
class StreamPolicy:
    """heartbeat, lifetime: seconds. total, per_user: streams open at once."""

    heartbeat: float = 20.0
    lifetime: float = 1_800.0
    total: int = 256
    per_user: int = 8


class OpenStreams:
    """Counts streams; a credential stands for its user."""

    def __init__(self, policy: StreamPolicy) -> None:
        self._policy = policy
        self._open: Counter[bytes] = Counter()

    def enter(self, request: Request) -> bytes:
        """Raises ResourceExhausted when too many are open."""
        user = sha256(request.headers.get("authorization", "").encode()).digest()
        if self._open.total() >= self._policy.total or self._open[user] >= self._policy.per_user:
            raise ResourceExhausted("too many streams are open; close one", reason="TOO_MANY_STREAMS", retry_after=5.0)
        self._open[user] += 1
        return user

    def leave(self, user: bytes) -> None:
        self._open[user] -= 1
        if not self._open[user]:
            del self._open[user]


def routes(caller: Caller, policy: StreamPolicy = StreamPolicy()) -> list[BaseRoute]:
    streams = OpenStreams(policy)

    async def watch(request: Request) -> Response:
        seen = _last_event(request)
        # Whoever saw some wants every one since; the present state would skip them.
        message = pb.WatchExecutionRequest(
            execution_id=request.path_params["id"], include_current_state=not seen, after_sequence=seen
        )
        user = streams.enter(request)
        source = caller.stream(table.WATCH, message, request, policy.lifetime)
        try:
            # What is known before the first byte is a proper status, not an event in a 200.
            first = await anext(source, None)
        except BaseException:
            streams.leave(user)
            raise
        return _Watching(source, _events(first, source, policy), lambda: streams.leave(user))

    return [HttpRoute("/api/v1/executions/{id}/watch", answering(watch), methods=["GET"])]


class _Watching(StreamingResponse):
    """Leaves and closes its source also when the caller went away before the first byte: then nobody reads the body."""

    def __init__(
        self, source: AsyncGenerator[Message], body: AsyncGenerator[bytes], leave: Callable[[], object]
    ) -> None:
        super().__init__(body, media_type="text/event-stream", headers={"cache-control": "no-store"})
        self._source = source
        self._body = body
        self._leave = leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._leave()
            # The body first: it may be reading the source.
            await self._body.aclose()
            await self._source.aclose()


def _last_event(request: Request) -> int:
    text = request.headers.get("last-event-id") or request.query_params.get("after_sequence") or "0"
    if not (text.isascii() and text.isdecimal() and int(text) <= _LARGEST_SEQUENCE):
        raise invalid("after_sequence", "must be the number of a transition")
    return int(text)


async def _events(
    first: Message | None, source: AsyncGenerator[Message], policy: StreamPolicy
) -> AsyncGenerator[bytes]:
    try:
        async with aclosing(source):
            if first is not None:
                yield _event(first)
                async for chunk in _with_heartbeat(source, policy.heartbeat):
                    yield chunk
            yield b"event: end\ndata: {}\n\n"
    except Error as error:
        yield b"event: error\ndata: " + orjson.dumps(to_problem(error)) + b"\n\n"


async def _with_heartbeat(source: AsyncIterator[Message], interval: float) -> AsyncIterator[bytes]:
    """Proxies close what is silent; a comment keeps the connection and costs the client nothing."""
    pending: asyncio.Future[Message | None] | None = None
    try:
        while True:
            pending = pending or asyncio.ensure_future(anext(source, None))
            done, _ = await asyncio.wait((pending,), timeout=interval)
            if not done:
                yield b": heartbeat\n\n"
                continue
            message = pending.result()
            pending = None
            if message is None:
                return
            yield _event(message)
    finally:
        if pending is not None:
            pending.cancel()
            # The source cannot be closed while it is still being read.
            await asyncio.wait((pending,))


def _event(message: Message) -> bytes:
    sequence = getattr(message, "sequence", 0)
    return b"event: execution\nid: %d\ndata: " % sequence + bind.to_json(message) + b"\n\n"
