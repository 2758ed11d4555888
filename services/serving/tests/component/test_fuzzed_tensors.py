"""Whatever bytes a tensor of any element type is, its caller hears which field is wrong, and others are answered."""

import random
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import grpc
import pytest
from forgepoint.serving.v1 import serving_pb2 as pb
from forgepoint.serving.v1.serving_pb2_grpc import ModelServingServiceStub
from fp_kernel import InvalidArgument
from fp_kernel.packing import pack
from fp_kernel.tensors import ONNX_TYPES, ElementType, Tensor
from fp_rpc.tensors import TensorForm
from fp_testkit.services import RunningService
from onnx import helper

Start = Callable[..., Awaitable[RunningService]]
ChannelTo = Callable[..., grpc.aio.Channel]
Ready = Callable[[ModelServingServiceStub], Awaitable[None]]
FORM = TensorForm(pb.TensorData, pb.TensorSpec, pb.DataType)
OWN_TEAM = (("fp-on-behalf-of-team", "alpha"),)
GOOD = {element.value: pack([[0, 1]], element, "x") for element in ElementType if element is not ElementType.STRING}
GOOD["string"] = pack([["", "a"]], ElementType.STRING, "x")
SHAPES = ([], [2], [0, 2], [-1, 2], [-(2**63), 2], [1, 3], [2**62, 2**62], [2**63 - 1] * 9, [1] * 9, [1, 2, 1])
# Beside these, any bytes of the right length are elements.
HAVE_FORBIDDEN_BYTES = {ElementType.STRING, ElementType.BOOL}


def _fuzzed(tensor: Tensor, chance: random.Random) -> Iterator[pb.TensorData]:
    """Tensors that cannot be, and some that may be."""
    for shape in SHAPES:
        yield pb.TensorData(shape=shape, dtype=FORM.to_pb(tensor).dtype, data=tensor.data)
    for length in {0, 1, len(tensor.data) - 1, len(tensor.data) + 1, 4096} - {len(tensor.data)}:
        yield pb.TensorData(shape=tensor.shape, dtype=FORM.to_pb(tensor).dtype, data=chance.randbytes(length))
    for _ in range(10):
        data = chance.randbytes(len(tensor.data))
        yield pb.TensorData(shape=tensor.shape, dtype=FORM.to_pb(tensor).dtype, data=data)
    for number in (0, 7, 99, 108, -1, 2**31 - 1):
        yield pb.TensorData(shape=tensor.shape, dtype=number, data=tensor.data)
    if tensor.element is ElementType.STRING:
        yield pb.TensorData(shape=[1, 2], dtype=pb.DATA_TYPE_STRING, data=b"\1\0\0\0\xff\0\0\0\0")
        yield pb.TensorData(shape=[1, 2], dtype=pb.DATA_TYPE_STRING, data=b"\xff\xff\xff\xff\0\0\0\0")


@pytest.fixture(params=["string", "bfloat16"])
def taken(request) -> dict[str, Tensor]:
    """A tensor of each element type but one: the runtime takes no texts beside bfloat16."""
    return {name: tensor for name, tensor in GOOD.items() if name != request.param}


@pytest.fixture
def every_type(make_model, taken: dict[str, Tensor]) -> Path:
    """An input and an output of each element type."""
    # The first input is the one that others are compared with, and is never wrong itself.
    values = [("anchor", ONNX_TYPES[ElementType.FLOAT32], ["n", 2])]
    values += [(name, ONNX_TYPES[tensor.element], ["n", 2]) for name, tensor in taken.items()]
    return make_model(
        [helper.make_node("Identity", [name], [f"{name}_out"]) for name, _, _ in values],
        values,
        [(f"{name}_out", number, shape) for name, number, shape in values],
    )


async def test_any_tensor_is_answered_or_refused_by_the_name_of_its_field(
    start: Start, channel: ChannelTo, registry_server, every_type: Path, taken: dict[str, Tensor], ready: Ready
) -> None:
    registry_server.put_file(every_type)
    service = await start()
    stub = ModelServingServiceStub(channel(service))
    good = dict(FORM.all_to_pb(taken | {"anchor": GOOD["float32"]}))

    async def ask(inputs) -> pb.PredictResponse:
        request = pb.PredictRequest(model_name="delays", inputs=inputs)
        answer: pb.PredictResponse = await stub.Predict(request, metadata=OWN_TEAM, wait_for_ready=True)
        return answer

    await ready(stub)
    chance = random.Random(9)  # noqa: S311 -- the same ones each time
    for name, tensor in taken.items():
        refused: list[list[str]] = []
        for wrong in _fuzzed(tensor, chance):
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
