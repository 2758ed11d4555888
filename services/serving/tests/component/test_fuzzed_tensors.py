"""Whatever bytes a tensor of any element type is, its caller hears which field is wrong, and others are answered."""

import random
from collections.abc import Awaitable, Callable, Mapping

import grpc
import pytest
from forgepoint.serving.v1 import serving_pb2 as pb
from forgepoint.serving.v1.serving_pb2_grpc import ModelServingServiceStub
from fp_kernel import InvalidArgument
from fp_kernel.tensors import ElementType, Tensor
from fp_rpc.tensors import TensorForm
from fp_testkit.services import RunningService
from fuzzed_tensors import ANCHOR, GOOD, SHAPES, messages, model, without

Start = Callable[..., Awaitable[RunningService]]
ChannelTo = Callable[..., grpc.aio.Channel]
Ready = Callable[[ModelServingServiceStub], Awaitable[None]]
FORM = TensorForm(pb.TensorData, pb.TensorSpec, pb.DataType)
OWN_TEAM = (("fp-on-behalf-of-team", "alpha"),)
# Beside these, any bytes of the right length are elements.
HAVE_FORBIDDEN_BYTES = {ElementType.STRING, ElementType.BOOL}


@pytest.fixture(params=[ElementType.STRING, ElementType.BFLOAT16])
def taken(request) -> Mapping[str, Tensor]:
    return without(request.param)


async def test_any_tensor_is_answered_or_refused_by_the_name_of_its_field(
    start: Start, channel: ChannelTo, registry_server, taken: Mapping[str, Tensor], ready: Ready
) -> None:
    registry_server.put(model(taken))
    service = await start()
    stub = ModelServingServiceStub(channel(service))
    good = dict(FORM.all_to_pb({**taken, ANCHOR: GOOD["float32"]}))

    async def ask(inputs) -> pb.PredictResponse:
        request = pb.PredictRequest(model_name="delays", inputs=inputs)
        answer: pb.PredictResponse = await stub.Predict(request, metadata=OWN_TEAM, wait_for_ready=True)
        return answer

    await ready(stub)
    chance = random.Random(9)  # noqa: S311 -- the same ones each time
    for name, tensor in taken.items():
        refused: list[list[str]] = []
        for wrong in messages(FORM, tensor, chance):
            try:
                answer = await ask(good | {name: wrong})
            except InvalidArgument as error:
                refused.append([violation.field for violation in error.fields])
            else:
                assert answer.outputs[f"{name}_out"].data == wrong.data
        named = [[f"inputs[{name}].{part}"] for part in ("shape", "data", "dtype")]
        assert [fields for fields in refused if fields not in named] == []
        assert len(refused) >= len(SHAPES) + 4 + 6 + (tensor.element in HAVE_FORBIDDEN_BYTES)
    answer = await ask(good)
    assert {name: FORM.from_pb(answer.outputs[f"{name}_out"], name) for name in taken} == taken
