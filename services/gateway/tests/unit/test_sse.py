"""Streams are counted for as long as somebody may read them, and no longer."""

import pytest
from forgepoint.pipeline.v1 import pipeline_pb2 as pb
from fp_gateway.http import sse
from starlette.requests import ClientDisconnect

SCOPE = {"type": "http", "asgi": {"spec_version": "2.4"}, "method": "GET", "headers": [], "path": "/"}


class Source:
    """RpcClient whose streams never end by themselves."""

    def __init__(self) -> None:
        self.open = 0

    async def stream(self, path, message, request, limit):
        self.open += 1
        try:
            for number in range(1_000):
                yield pb.WatchExecutionResponse(sequence=number)
        finally:
            self.open -= 1


async def test_a_caller_who_leaves_before_the_first_byte_leaves_no_stream_open():
    source = Source()
    route, *_ = sse.routes(source, sse.StreamPolicy(per_user=1))

    async def gone(message):
        raise OSError

    for _ in range(3):
        scope = SCOPE | {"path_params": {"id": "1"}, "query_string": b""}
        with pytest.raises(ClientDisconnect):
            await route.app(scope, None, gone)

    assert source.open == 0
