"""Streams are counted for as long as somebody may read them, and no longer."""

import asyncio

import pytest
from forgepoint.pipeline.v1 import pipeline_pb2 as pb
from fp_gateway.http import sse
from fp_kernel import Principal, ResourceExhausted
from starlette.requests import ClientDisconnect

SCOPE = {"type": "http", "asgi": {"spec_version": "2.4"}, "method": "GET", "headers": [], "path": "/"}


class Source:
    """RpcClient whose streams never end by themselves. messages: of each; it stands still after them."""

    def __init__(self, messages: int = 1_000) -> None:
        self.open = 0
        self.messages = messages

    def method(self, path):
        return path

    async def stream(self, path, message, request, limit):
        self.open += 1
        try:
            for number in range(self.messages):
                yield pb.WatchExecutionResponse(sequence=number)
            await asyncio.Event().wait()
        finally:
            self.open -= 1


class Caller:
    """A door that takes everybody for the user whom the path names."""

    async def enter(self, request, method):
        return principal_of(request.path_params["id"])


def principal_of(user):
    return Principal(user_id=user, team="alpha", role="viewer", scopes=frozenset(), expires_at=0.0)


async def test_a_caller_who_leaves_before_the_first_byte_leaves_no_stream_open():
    source = Source()
    route, *_ = sse.routes(source, Caller(), None, sse.StreamPolicy(per_user=1))

    async def gone(message):
        raise OSError

    for _ in range(3):
        scope = SCOPE | {"path_params": {"id": "1"}, "query_string": b""}
        with pytest.raises(ClientDisconnect):
            await route.app(scope, None, gone)

    assert source.open == 0


def test_a_user_has_his_streams_by_whatever_credential_and_takes_none_of_others():
    streams = sse.OpenStreams(sse.StreamPolicy(total=3, per_user=2))
    for _ in range(2):
        streams.enter(principal_of("ada"))

    with pytest.raises(ResourceExhausted):
        streams.enter(principal_of("ada"))
    user = streams.enter(principal_of("bob"))
    with pytest.raises(ResourceExhausted):
        streams.enter(principal_of("eve"))
    streams.leave(user)
    streams.enter(principal_of("eve"))


async def test_a_stream_whose_time_is_over_ends_and_does_not_fail():
    route, *_ = sse.routes(Source(messages=1), Caller(), None, sse.StreamPolicy(lifetime=0.05, heartbeat=0.02))
    sent = []

    async def send(message):
        sent.append(message.get("body", b""))

    await route.app(SCOPE | {"path_params": {"id": "1"}, "query_string": b""}, None, send)

    events = [part for part in b"".join(sent).split(b"\n\n") if part and part != b": heartbeat"]
    assert events[-1] == b'event: end\ndata: {"reason":"lifetime"}'
    assert len(events) == 2
