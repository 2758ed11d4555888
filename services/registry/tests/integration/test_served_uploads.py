"""An artifact that no runtime could ever serve is refused before anybody deploys it."""

import hashlib

import pytest
from fp_registry.adapters.objects import examine
from fp_registry.domain.stages import Status
from onnx import TensorProto, helper

TEXT = b"no model"
"""Small enough to be measured at once."""


def model(opset=17, **changes):
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return made.SerializeToString()


async def test_a_file_that_is_no_model_fails_its_version_and_is_stored_nowhere(desk):
    version = await desk.version(TEXT, framework="onnx")
    failed = await desk.confirm(version)
    assert failed.status is Status.FAILED
    assert failed.failure_reason == "the uploaded artifact is no ONNX model: it is not written as one"
    assert desk.artifacts.objects == {}
    assert await desk.ready_events() == []


async def test_a_large_one_fails_in_the_background_with_what_is_to_be_done(large_desk):
    version = await large_desk.version(model(opset=99), framework="onnx")
    assert (await large_desk.confirm(version)).status is Status.PENDING_UPLOAD
    assert await large_desk.worker.once()
    failed = await large_desk.side.records.version("alpha", version.id)
    assert failed.status is Status.FAILED
    assert failed.failure_reason.startswith("the uploaded model cannot be served: it needs opset 99 of ai.onnx")
    assert large_desk.artifacts.objects == {}
    assert await large_desk.ready_events() == []


async def test_a_model_that_can_be_served_is_ready(large_desk):
    content = model()
    version = await large_desk.version(content, framework="onnx")
    await large_desk.confirm(version)
    assert await large_desk.worker.once()
    ready = await large_desk.side.records.version("alpha", version.id)
    assert (ready.status, ready.digest) == (Status.READY, f"sha256:{hashlib.sha256(content).hexdigest()}")


async def test_artifacts_of_other_frameworks_are_stored_as_they_are(desk):
    assert (await desk.confirm(await desk.version(TEXT, framework="sklearn"))).status is Status.READY


async def test_a_digest_that_differs_is_said_before_what_the_file_is(desk):
    version = await desk.version(TEXT, framework="onnx")
    assert "expected was" in (await desk.confirm(version, f"sha256:{'0' * 64}")).failure_reason


@pytest.mark.parametrize(("size", "flaw"), [(2**31 - 1, ""), (2**31, "at most 2147483647")])
def test_a_file_that_is_larger_than_the_format_allows_is_refused(size, flaw):
    found, _ = examine([model()], size)
    assert flaw in found
    assert bool(flaw) == bool(found)
