"""SSE over fetch: transitions of an execution and reports of drift as they happen."""

from collections import Counter
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from hashlib import sha256

import orjson
from forgepoint.ai.v1 import ai_gateway_pb2
from forgepoint.monitor.v1 import monitor_pb2
from forgepoint.pipeline.v1 import pipeline_pb2 as pb
from fp_kernel import Error, ResourceExhausted, invalid
from fp_rpc.errors import to_problem
from google.protobuf.message import Message
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute
from starlette.routing import Route as HttpRoute
from starlette.types import Receive, Scope, Send

from fp_gateway.http import bind, documents, table
from fp_gateway.http.answers import answering
from fp_gateway.http.caller import Caller
from fp_gateway.http.feed import END, Feed

_LARGEST_SEQUENCE = 2**63 - 1


@dataclass(frozen=True, slots=True)
class StreamPolicy:
    """heartbeat, lifetime: seconds. total, per_user: streams open at once.

    patience: seconds in which a refusal becomes the status; a stream that has nothing to tell by then is open.
    """

    heartbeat: float = 20.0
    lifetime: float = 1_800.0
    patience: float = 3.0
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

    async def opened(request: Request, path: str, message: Message) -> Response:
        user = streams.enter(request)
        feed = Feed(caller.stream(path, message, request, policy.lifetime))
        try:
            # What is known before the first byte is a proper status, not an event in a 200.
            await feed.ready(policy.patience)
        except BaseException:
            streams.leave(user)
            await feed.close()
            raise
        return _Watching(feed, _events(feed, policy), lambda: streams.leave(user))

    async def execution(request: Request) -> Response:
        seen = _last_event(request)
        # Whoever saw some wants every one since; the present state would skip them.
        message = pb.WatchExecutionRequest(execution_id=request.path_params["id"], include_current_state=not seen)
        if seen:
            message.after_sequence = seen
        return await opened(request, table.WATCH, message)

    async def drift(request: Request) -> Response:
        descriptor = monitor_pb2.StreamDriftEventsRequest.DESCRIPTOR
        message = bind.parse(bind.query_fields(request.query_params, descriptor), descriptor)
        return await opened(request, table.DRIFT, message)

    async def chat(request: Request) -> Response:
        document = bind.document_of(await bind.read_body(request))
        return await opened(request, table.CHAT, bind.parse(document, ai_gateway_pb2.ChatCompletionRequest.DESCRIPTOR))

    return [
        HttpRoute("/api/v1/executions/{id}/watch", answering(execution), methods=["GET"]),
        HttpRoute("/api/v1/drift-reports/watch", answering(drift), methods=["GET"]),
        HttpRoute("/api/v1/chat", answering(chat), methods=["POST"]),
    ]


class _Watching(StreamingResponse):
    """Leaves and closes its source also when the caller went away before the first byte: then nobody reads the body."""

    def __init__(self, feed: Feed, body: AsyncGenerator[bytes], leave: Callable[[], object]) -> None:
        super().__init__(body, media_type="text/event-stream", headers={"cache-control": "no-store"})
        self._feed = feed
        self._body = body
        self._leave = leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._leave()
            # The body first: it may be reading the feed.
            await self._body.aclose()
            await self._feed.close()


def _last_event(request: Request) -> int:
    text = request.headers.get("last-event-id") or request.query_params.get("after_sequence") or "0"
    if not (text.isascii() and text.isdecimal() and int(text) <= _LARGEST_SEQUENCE):
        raise invalid("after_sequence", "must be the number of a transition")
    return int(text)


async def _events(feed: Feed, policy: StreamPolicy) -> AsyncGenerator[bytes]:
    """Messages as events without a name, which an EventSource hands to `onmessage`; the end and errors have names.

    Proxies close what is silent; a comment keeps the connection and costs the client nothing.
    """
    try:
        while True:
            if not await feed.ready(policy.heartbeat):
                yield b": heartbeat\n\n"
                continue
            message = feed.take()
            if message is END:
                break
            yield _event(message)
        yield b'event: end\ndata: {"reason":"complete"}\n\n'
    except Error as error:
        yield b"event: error\ndata: " + orjson.dumps(to_problem(error)) + b"\n\n"


def _event(message: Message) -> bytes:
    sequence = getattr(message, "sequence", 0)
    number = b"id: %d\n" % sequence if sequence else b""
    return number + b"data: " + documents.to_json(message) + b"\n\n"
