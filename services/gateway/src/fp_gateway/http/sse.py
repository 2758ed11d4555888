"""SSE over fetch: transitions of an execution, reports of drift and results of predictions as they happen."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Final

import orjson
from forgepoint.ai.v1 import ai_gateway_pb2
from forgepoint.monitor.v1 import monitor_pb2
from forgepoint.pipeline.v1 import pipeline_pb2 as pb
from fp_kernel import Error, Principal, ResourceExhausted, invalid
from fp_rpc.conversions import Conversions
from fp_rpc.errors import to_problem
from fp_rpc.json_bodies import document_of
from google.protobuf.message import Message
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute
from starlette.routing import Route as HttpRoute
from starlette.types import Receive, Scope, Send

from fp_gateway.http import batches, bind, protojson, route_table
from fp_gateway.http.door import Door
from fp_gateway.http.responses import with_problems
from fp_gateway.http.rpc_client import RpcClient

_LARGEST_SEQUENCE: Final = 2**63 - 1
_CHAT_BODY: Final = 1_024 * route_table.KIB
# Seconds that the call lives longer than its stream: the end is ours to say.
_LONGER: Final = 30.0
END: Final = None
Data = Callable[[Message], bytes]


@dataclass(frozen=True, slots=True)
class StreamPolicy:
    """heartbeat, lifetime: seconds. total, per_user: streams open at once.

    patience: seconds in which a refusal becomes the status; a stream without a message by then is open.
    """

    heartbeat: float = 20.0
    lifetime: float = 1_800.0
    patience: float = 3.0
    total: int = 256
    per_user: int = 8


class OpenStreams:
    """Counts streams, in all and of each user: logging in once more gives him no more of them."""

    def __init__(self, policy: StreamPolicy) -> None:
        self._policy = policy
        self._open: Counter[tuple[str, str]] = Counter()

    def enter(self, principal: Principal | None) -> tuple[str, str]:
        """Raises ResourceExhausted when too many are open."""
        user = (principal.team, principal.user_id) if principal else ("", "")
        if self._open.total() >= self._policy.total or self._open[user] >= self._policy.per_user:
            raise ResourceExhausted("too many streams are open; close one", reason="TOO_MANY_STREAMS", retry_after=5.0)
        self._open[user] += 1
        return user

    def leave(self, user: tuple[str, str]) -> None:
        self._open[user] -= 1
        if not self._open[user]:
            del self._open[user]


def routes(
    rpc: RpcClient, door: Door, conversions: Conversions, policy: StreamPolicy = StreamPolicy()
) -> list[BaseRoute]:
    streams = OpenStreams(policy)

    async def entered(request: Request, path: str) -> Principal | None:
        """Once a request: who enters twice has two shares taken."""
        return await door.enter(request, rpc.method(path))

    async def opened(
        request: Request, caller: Principal | None, path: str, message: Message, data: Data = protojson.to_json
    ) -> Response:
        user = streams.enter(caller)
        feed = Feed(rpc.stream(path, message, request, policy.lifetime + _LONGER))
        try:
            # A refusal that comes in time is an HTTP status; later it could only be an event inside a 200.
            await feed.ready(policy.patience)
        except BaseException:
            streams.leave(user)
            await feed.close()
            raise
        return _EventStream(feed, _events(feed, policy, data), lambda: streams.leave(user))

    async def execution(request: Request) -> Response:
        seen = _last_event(request)
        # A client that resumes wants every transition since; the current state would skip some.
        message = pb.WatchExecutionRequest(execution_id=request.path_params["id"], include_current_state=not seen)
        if seen:
            message.after_sequence = seen
        return await opened(request, await entered(request, route_table.WATCH), route_table.WATCH, message)

    async def drift(request: Request) -> Response:
        descriptor = monitor_pb2.StreamDriftEventsRequest.DESCRIPTOR
        message = bind.parse(bind.query_fields(request.query_params, descriptor), descriptor)
        return await opened(request, await entered(request, route_table.DRIFT), route_table.DRIFT, message)

    async def chat(request: Request) -> Response:
        descriptor = ai_gateway_pb2.ChatCompletionRequest.DESCRIPTOR
        caller = await entered(request, route_table.CHAT)
        body = await door.read(request, caller, _CHAT_BODY)
        message = await conversions.run(len(body), lambda: bind.parse(document_of(body), descriptor))
        return await opened(request, caller, route_table.CHAT, message)

    async def predictions(request: Request) -> Response:
        caller = await entered(request, route_table.STREAM_PREDICT)
        body = await door.read(request, caller, route_table.PREDICTION)
        message = await conversions.run(len(body), lambda: batches.stream_request(document_of(body), request))
        return await opened(request, caller, route_table.STREAM_PREDICT, message, batches.event)

    return [
        HttpRoute("/api/v1/executions/{id}/watch", with_problems(execution), methods=["GET"]),
        HttpRoute("/api/v1/drift-reports/watch", with_problems(drift), methods=["GET"]),
        HttpRoute("/api/v1/chat", with_problems(chat), methods=["POST"]),
        HttpRoute("/v1/models/{model}/stream", with_problems(predictions), methods=["POST"]),
        HttpRoute("/v1/models/{model}/versions/{version}/stream", with_problems(predictions), methods=["POST"]),
    ]


class Feed:
    """A stream of messages that is waited for in turns: a message that does not come in one turn comes in a later one.

    source: closed with the feed.
    """

    def __init__(self, source: AsyncGenerator[Message]) -> None:
        self._source = source
        self._pending: asyncio.Future[Message | None] | None = None

    async def ready(self, patience: float) -> bool:
        """Whether a message, or the end, is there within so many seconds. Raises what the source raises."""
        pending = self._pending = self._pending or asyncio.ensure_future(anext(self._source, END))
        done, _ = await asyncio.wait((pending,), timeout=patience)
        if done and pending.exception() is not None:
            self._pending = None
            pending.result()
        return bool(done)

    def take(self) -> Message | None:
        """The message that is ready; END after the last one."""
        pending, self._pending = self._pending, None
        if pending is None:
            raise LookupError("nothing is ready")
        return pending.result()

    async def close(self) -> None:
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.cancel()
            # The source cannot be closed while it is still being read.
            await asyncio.wait((pending,))
        await self._source.aclose()


class _EventStream(StreamingResponse):
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


async def _events(feed: Feed, policy: StreamPolicy, data: Data) -> AsyncGenerator[bytes]:
    """Messages as events without a name, which an EventSource hands to `onmessage`; the end and errors have names.

    Proxies close what is silent; a comment keeps the connection and costs the client nothing.
    """
    now = asyncio.get_running_loop().time
    until = now() + policy.lifetime
    try:
        while (left := until - now()) > 0:
            if not await feed.ready(min(policy.heartbeat, left)):
                if left > policy.heartbeat:
                    yield b": heartbeat\n\n"
                continue
            message = feed.take()
            if message is END:
                yield b'event: end\ndata: {"reason":"complete"}\n\n'
                return
            yield _event(message, data)
        yield b'event: end\ndata: {"reason":"lifetime"}\n\n'
    except Error as error:
        yield b"event: error\ndata: " + orjson.dumps(to_problem(error)) + b"\n\n"


def _event(message: Message, data: Data) -> bytes:
    sequence = getattr(message, "sequence", 0)
    number = b"id: %d\n" % sequence if sequence else b""
    return number + b"data: " + data(message) + b"\n\n"
