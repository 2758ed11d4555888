"""Predictions over one stream."""

import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import grpc
import pytest
from forgepoint.serving.v1 import serving_pb2 as pb
from forgepoint.serving.v1.serving_pb2_grpc import ModelServingServiceStub
from fp_kernel import NotFound
from fp_testkit.services import RunningService

Start = Callable[..., Awaitable[RunningService]]
ChannelTo = Callable[..., grpc.aio.Channel]
Ready = Callable[[ModelServingServiceStub], Awaitable[None]]
OWN_TEAM = (("fp-on-behalf-of-team", "alpha"),)


def _ask(number: int) -> pb.StreamPredictRequest:
    """Every tenth has a tensor that is too short."""
    data = struct.pack("<2f", number, 1.0)[: 4 if number % 10 == 0 else 8]
    tensor = pb.TensorData(shape=[1, 2], dtype=pb.DATA_TYPE_FLOAT32, data=data)
    return pb.StreamPredictRequest(inputs={"x": tensor}, idempotency_key=str(number), correlation_id="c")


async def _asked(count: int) -> AsyncIterator[pb.StreamPredictRequest]:
    for number in range(count):
        yield _ask(number)


async def test_each_message_is_answered_or_says_by_itself_what_is_wrong(
    start: Start, channel: ChannelTo, registry_server, linear_model: Path, ready: Ready
) -> None:
    registry_server.put_file(linear_model)
    stub = ModelServingServiceStub(channel(await start()))
    await ready(stub)
    answered = {answer.idempotency_key: answer async for answer in stub.StreamPredict(_asked(200), metadata=OWN_TEAM)}
    assert answered.keys() == {str(number) for number in range(200)}
    for number in range(200):
        answer = answered[str(number)]
        assert answer.correlation_id == "c"
        if number % 10 == 0:
            assert (answer.error.field, answer.outputs) == ("inputs[x].data", {})
        else:
            assert struct.unpack("<f", answer.outputs["y"].data) == (2.0 * number + 3.0,)
            assert (answer.model_version, answer.HasField("error")) == ("3", False)


async def test_a_stream_of_another_team_is_refused(
    start: Start, channel: ChannelTo, registry_server, linear_model: Path, ready: Ready
) -> None:
    registry_server.put_file(linear_model)
    stub = ModelServingServiceStub(channel(await start()))
    await ready(stub)
    with pytest.raises(NotFound):
        async for _ in stub.StreamPredict(_asked(1), metadata=(("fp-on-behalf-of-team", "beta"),)):
            pass
