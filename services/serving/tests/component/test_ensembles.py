"""Ensembles in a process of their own and in a shared one: their answers are those of their models in a row."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import numpy as np
import onnxruntime
import pytest
from forgepoint.serving.v1 import serving_pb2 as pb
from forgepoint.serving.v1.serving_pb2_grpc import ModelServingServiceStub
from fp_kernel import FailedPrecondition, InvalidArgument
from fp_kernel.ensembles import Source, Step, ordered, write
from fp_onnx import pack
from fp_rpc.tensors import TensorForm
from fp_serving.domain.arrays import decode, encode
from fp_testkit.patience import PATIENCE
from fp_testkit.services import RunningService
from onnx import TensorProto, helper

Start = Callable[..., Awaitable[RunningService]]
ChannelTo = Callable[..., grpc.aio.Channel]
ALPHA = (("fp-on-behalf-of-team", "alpha"),)
SHARED = {"serving_version_id": "", "serving_model_name": ""}
FORM = TensorForm(pb.TensorData, pb.TensorSpec, pb.DataType)
ROWS = np.random.default_rng(4).normal(size=(5, 3)).astype(np.float32)


@pytest.fixture
def parts(make_model) -> tuple[bytes, bytes]:
    """An encoder of three columns into two, and what adds up two encodings."""
    encoder = make_model(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        [("x", TensorProto.FLOAT, ["n", 3])],
        [("y", TensorProto.FLOAT, ["n", 2])],
        {"w": np.arange(6, dtype=np.float32).reshape(3, 2)},
    ).read_bytes()
    sum_of = make_model(
        [helper.make_node("Add", ["a", "b"], ["c"]), helper.make_node("Tanh", ["c"], ["score"])],
        [("a", TensorProto.FLOAT, ["n", 2]), ("b", TensorProto.FLOAT, ["n", 2])],
        [("score", TensorProto.FLOAT, ["n", 2])],
    ).read_bytes()
    return encoder, sum_of


class Composed:
    """An ensemble of these parts in the registry: of two texts the sum of their encodings."""

    def __init__(self, registry: Any, parts: tuple[bytes, bytes], **more: Any) -> None:
        self.registry, self.parts = registry, parts
        registry.add("1", parts[0])
        registry.add("2", parts[1])
        steps = [
            self.step("left", "1", {"x": Source("", "one")}),
            self.step("right", "1", {"x": Source("", "other")}),
            self.step("sum", "2", {"a": Source("left", "y"), "b": Source("right", "y")}),
        ]
        outputs = {"score": Source("sum", "score"), "encoded": Source("left", "y")}
        self.content = write(ordered(steps, outputs, **more))

    def step(self, name: str, label: str, inputs: dict[str, Source]) -> Step:
        version = self.registry.others[label]
        return Step(name, version.id, version.artifact_digest, inputs, "delays", label)

    def wanted(self, one: Any, other: Any) -> dict[str, Any]:
        """ONNX Runtime's own, of the members one after the other."""
        encoder, sum_of = (onnxruntime.InferenceSession(part) for part in self.parts)
        left, right = (encoder.run(None, {"x": each})[0] for each in (one, other))
        return {"score": sum_of.run(None, {"a": left, "b": right})[0], "encoded": left}


async def _ask(stub: Any, arrays: dict[str, Any], version: str = "", version_id: str = "") -> dict[str, Any]:
    inputs = FORM.all_to_pb({name: encode(array) for name, array in arrays.items()})
    request = pb.PredictRequest(model_name="delays", version=version, version_id=version_id, inputs=inputs)
    answer = await stub.Predict(request, metadata=ALPHA)
    return {name: decode(FORM.from_pb(tensor, name), name) for name, tensor in answer.outputs.items()}


async def _settled(stub: Any, **named: str) -> pb.ModelStatus:
    async with asyncio.timeout(PATIENCE):
        while True:
            status: pb.ModelStatus = (await stub.GetModelStatus(pb.GetModelStatusRequest(**named))).status
            if status.state in {pb.MODEL_STATE_READY, pb.MODEL_STATE_FAILED}:
                return status
            await asyncio.sleep(0.02)


async def test_an_ensemble_in_its_own_process_answers_as_its_models_one_after_the_other(
    start: Start, channel: ChannelTo, registry_server, parts, ready
) -> None:
    composed = Composed(registry_server, parts, warm_up=[{"one": [1, 2, 3], "other": [4, 5, 6]}])
    registry_server.put(composed.content)
    stub = ModelServingServiceStub(channel(await start()))
    await ready(stub)
    for rows in (ROWS, ROWS[:1]):
        found = await _ask(stub, {"one": rows, "other": rows[::-1].copy()})
        for name, array in composed.wanted(rows, rows[::-1]).items():
            assert np.array_equal(found[name], array)
    info = (await stub.GetModelInfo(pb.GetModelInfoRequest(), metadata=ALPHA)).model_info
    assert ([spec.name for spec in info.input_schema], info.version) == (["one", "other"], "3")
    figures = (await stub.GetServingMetrics(pb.GetServingMetricsRequest())).metrics
    assert figures.total_requests == 2, "steps are no requests"
    states = {each.version: each.state for each in (await stub.ListLoadedModels(pb.ListLoadedModelsRequest())).models}
    assert states == dict.fromkeys(("1", "2", "3"), pb.MODEL_STATE_READY)
    assert (await stub.HealthCheck(pb.HealthCheckRequest())).status == pb.HEALTH_STATUS_SERVING


async def test_a_tensor_that_is_wrong_is_named_as_its_caller_calls_it(
    start: Start, channel: ChannelTo, registry_server, make_model, ready
) -> None:
    def part(kind: str, *shape: Any) -> bytes:
        path = make_model(
            [helper.make_node(kind, ["x"], ["y"])],
            [("x", TensorProto.FLOAT, ["n", *shape])],
            [("y", TensorProto.FLOAT, None)],
        )
        return bytes(path.read_bytes())

    registry_server.add("1", part("Identity", "any"))
    registry_server.add("2", part("Tanh", 3))
    composed = Composed.__new__(Composed)
    composed.registry = registry_server
    steps = [
        composed.step("first", "1", {"x": Source("", "one")}),
        composed.step("last", "2", {"x": Source("first", "y")}),
    ]
    registry_server.put(write(ordered(steps, {"y": Source("last", "y")})))
    stub = ModelServingServiceStub(channel(await start()))
    await ready(stub)
    assert (await _ask(stub, {"one": ROWS}))["y"].shape == (5, 3)
    for arrays, field in (
        ({"one": ROWS.astype(np.float64)}, "inputs[one].dtype"),
        ({"two": ROWS}, "inputs[two]"),
        ({}, "inputs[one]"),
        ({"one": ROWS[:, :2].copy()}, "steps[last].inputs[x].shape"),
    ):
        with pytest.raises(InvalidArgument) as refused:
            await _ask(stub, arrays)
        assert [each.field for each in refused.value.fields] == [field]
    assert "step last (delays 2)" in refused.value.message


async def test_a_shared_process_loads_an_ensemble_and_its_steps_when_it_is_asked(
    start: Start, channel: ChannelTo, registry_server, parts
) -> None:
    composed = Composed(registry_server, parts)
    own = registry_server.add("7", composed.content)
    service = await start(**SHARED)
    stub = ModelServingServiceStub(channel(service))
    found = await _ask(stub, {"one": ROWS, "other": ROWS}, "7", own)
    for name, array in composed.wanted(ROWS, ROWS).items():
        assert np.array_equal(found[name], array)
    # A step that was taken out of memory comes back with the next question.
    residents = pb.ListLoadedModelsRequest(state_filter=pb.MODEL_STATE_READY)
    assert len((await stub.ListLoadedModels(residents)).models) == 3
    # And each step is asked by itself as well.
    alone = await _ask(stub, {"x": ROWS}, "1", registry_server.others["1"].id)
    assert np.array_equal(alone["y"], composed.wanted(ROWS, ROWS)["encoded"])


async def test_steps_that_made_room_are_loaded_again(start: Start, channel: ChannelTo, registry_server, parts) -> None:
    composed = Composed(registry_server, parts)
    own = registry_server.add("7", composed.content)
    # Room for the ensemble and its two models, each of which counts as 128 KiB at least.
    stub = ModelServingServiceStub(channel(await start(**SHARED, serving_models_bytes=1024 * 1024)))
    wanted = composed.wanted(ROWS, ROWS)["score"]
    assert np.array_equal((await _ask(stub, {"one": ROWS, "other": ROWS}, "7", own))["score"], wanted)
    for label in range(10, 24):
        other = registry_server.add(str(label), pack(parts[0], {}, b'[{"x": [[%d, 1, 1]]}]' % label))
        await _ask(stub, {"x": ROWS}, str(label), other)
    gone = pb.ListLoadedModelsRequest(state_filter=pb.MODEL_STATE_UNLOADED)
    assert {"1", "2"} & {each.version for each in (await stub.ListLoadedModels(gone)).models}
    assert np.array_equal((await _ask(stub, {"one": ROWS, "other": ROWS}, "7", own))["score"], wanted)


async def test_an_ensemble_fails_for_the_reason_of_its_step(
    start: Start, channel: ChannelTo, registry_server, parts
) -> None:
    composed = Composed(registry_server, parts)
    version = registry_server.others["2"]
    broken = write(
        ordered(
            [
                Step(
                    "bad", version.id, "sha256:" + "0" * 64, {"a": Source("", "a"), "b": Source("", "b")}, "delays", "2"
                )
            ],
            {"score": Source("bad", "score")},
        )
    )
    wrong = registry_server.add("8", broken)
    mixed = registry_server.add("9", composed.content.replace(b'"b":"right.y"', b'"b":"inputs.one"'))
    stub = ModelServingServiceStub(channel(await start(**SHARED)))
    for label, version_id, reason, says in (
        ("8", wrong, "DIGEST_MISMATCH", "step bad (delays 2)"),
        ("9", mixed, "LOAD_FAILED", "gives nothing that anybody takes"),
    ):
        with pytest.raises(FailedPrecondition):
            await _ask(stub, {"a": ROWS}, label, version_id)
        status = await _settled(stub, model_name="delays", version=label, version_id=version_id)
        assert (status.state, status.reason) == (pb.MODEL_STATE_FAILED, reason)
        assert says in status.message


async def test_steps_that_have_no_place_beside_each_other_need_a_process_of_their_own(
    start: Start, channel: ChannelTo, registry_server, parts
) -> None:
    composed = Composed(registry_server, parts)
    own = registry_server.add("7", composed.content)
    stub = ModelServingServiceStub(channel(await start(**SHARED, serving_models_bytes=1_000)))
    with pytest.raises(FailedPrecondition):
        await _ask(stub, {"one": ROWS, "other": ROWS}, "7", own)
    status = await _settled(stub, model_name="delays", version="7", version_id=own)
    assert (status.state, status.reason) == (pb.MODEL_STATE_FAILED, "MODEL_TOO_LARGE")


async def test_samples_of_a_model_are_run_and_fail_it_when_it_cannot_compute_them(
    start: Start, channel: ChannelTo, registry_server, make_model
) -> None:
    gather = make_model(
        [helper.make_node("Gather", ["table", "at"], ["y"])],
        [("at", TensorProto.INT64, ["n"])],
        [("y", TensorProto.FLOAT, ["n"])],
        {"table": np.array([math.pi, math.e], np.float32)},
    ).read_bytes()
    good = registry_server.add("1", pack(gather, {}, b'[{"at": [0, 1]}]'))
    bad = registry_server.add("2", pack(gather, {}, b'[{"at": [0]}, {"at": [7]}]'))
    unfit = registry_server.add("3", pack(gather, {}, b'[{"to": [0]}]'))
    stub = ModelServingServiceStub(channel(await start(**SHARED)))
    assert (await _ask(stub, {"at": np.array([1])}, "1", good))["y"].tolist() == [np.float32(math.e)]
    for label, version_id, says in (("2", bad, "its sample 1"), ("3", unfit, "warm_up[0][to]")):
        with pytest.raises(FailedPrecondition, match="cannot be served"):
            await _ask(stub, {"at": np.array([1])}, label, version_id)
        status = await _settled(stub, model_name="delays", version=label, version_id=version_id)
        assert (status.state, status.reason) == (pb.MODEL_STATE_FAILED, "WARM_UP_FAILED")
        assert says in status.message
