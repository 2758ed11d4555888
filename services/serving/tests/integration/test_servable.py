"""What is refused at registration is what the runtime refuses, and nothing else."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from fp_kernel.signatures import MAX_INPUTS
from fp_onnx import Unreadable, read_model, refusal, servable
from fp_serving.adapters.onnx import OnnxEngine
from fp_serving.domain.lifecycle import LoadFailed
from onnx import TensorProto, helper, numpy_helper

FLOAT = TensorProto.FLOAT
ENGINE = OnnxEngine(threads=1)
IDENTITY = helper.make_node("Identity", ["x"], ["y"])


def model(
    node: Any = IDENTITY,
    *,
    inputs: Any = (("x", FLOAT, ["n", 2]),),
    outputs: Any = (("y", FLOAT, None),),
    constants: Any = (),
    opsets: Any = (("", 17),),
    **changes: Any,
) -> onnx.ModelProto:
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info(*value) for value in inputs],
        [helper.make_tensor_value_info(*value) for value in outputs],
        list(constants),
    )
    imported = [helper.make_opsetid(*opset) for opset in opsets]
    return helper.make_model(graph, opset_imports=imported, **{"ir_version": 8} | changes)


def elsewhere() -> onnx.ModelProto:
    weights = TensorProto(name="w", data_type=FLOAT, dims=[2], data_location=TensorProto.EXTERNAL)
    weights.external_data.add(key="location", value="weights.bin")
    return model(helper.make_node("Add", ["x", "w"], ["y"]), constants=[weights])


def of_its_own(domain: str) -> dict[str, Any]:
    node = helper.make_node("Twice", ["x"], ["y"], domain="own")
    body = [helper.make_node("Add", ["a", "a"], ["b"])]
    twice = helper.make_function(domain, "Twice", ["a"], ["b"], body, [helper.make_opsetid("", 17)])
    return {"node": node, "opsets": (("", 17), ("own", 1)), "functions": [twice]}


def inside_a_branch() -> onnx.ModelProto:
    other = helper.make_node("Fold", ["x"], ["z"], domain="strange")
    branch = helper.make_graph([other], "branch", [], [helper.make_tensor_value_info("z", FLOAT, None)])
    node = helper.make_node("If", ["flag"], ["y"], then_branch=branch, else_branch=branch)
    return model(node, inputs=(("x", FLOAT, ["n"]), ("flag", TensorProto.BOOL, [])), opsets=(("", 17), ("strange", 1)))


def newest(domain: str, more: int = 0) -> onnx.ModelProto:
    known = {"": 17} | {domain: servable.NEWEST_OPSETS[domain] + more}
    return model(opsets=tuple(known.items()))


def of_sequences() -> onnx.ModelProto:
    tensors = helper.make_tensor_type_proto(FLOAT, ["n", 2])
    made = model(helper.make_node("ConcatFromSequence", ["x"], ["y"], axis=0))
    made.graph.input[0].type.CopyFrom(helper.make_sequence_type_proto(tensors))
    return made


def a_map_of_another_operator() -> onnx.ModelProto:
    """As long as nothing says the keys, there are no columns."""
    made = model(helper.make_node("SequenceEmpty", [], ["y"]))
    maps = helper.make_map_type_proto(TensorProto.INT64, helper.make_tensor_type_proto(FLOAT, []))
    made.graph.output[0].type.CopyFrom(helper.make_sequence_type_proto(maps))
    return made


REFUSED = {
    "weights in another file": (elsewhere(), "another file (weights.bin)"),
    "a later format": (model(ir_version=servable.NEWEST_IR_VERSION + 1), "IR version"),
    "a later opset": (newest("", 1), "opset 27 of ai.onnx, the runtime has up to 26"),
    "a later opset of trees": (newest("ai.onnx.ml", 1), "of ai.onnx.ml"),
    "a later opset of the runtime": (newest("com.microsoft", 1), "of com.microsoft"),
    "an operator of another domain": (
        model(helper.make_node("Fold", ["x"], ["y"], domain="strange"), opsets=(("", 17), ("strange", 1))),
        "the operator Fold of strange",
    ),
    "one inside a branch": (inside_a_branch(), "the operator Fold of strange"),
    "a function that is elsewhere": (model(**of_its_own("other")), "the operator Twice of own"),
    "texts beside bfloat16": (
        model(
            inputs=(("x", TensorProto.BFLOAT16, ["n"]), ("t", TensorProto.STRING, ["n"])),
            outputs=(("y", TensorProto.BFLOAT16, None),),
        ),
        "texts beside bfloat16",
    ),
    "a sequence to ask for": (of_sequences(), "no tensor that is served"),
    "nothing to ask": (
        model(inputs=(), constants=[numpy_helper.from_array(np.zeros(2, np.float32), "x")]),
        "takes no input",
    ),
    "no tensor to answer": (a_map_of_another_operator(), "no output"),
}
TAKEN = {
    "an identity": model(),
    "the newest format": model(ir_version=servable.NEWEST_IR_VERSION),
    "the newest opset": newest(""),
    "the newest opset of trees": newest("ai.onnx.ml"),
    "an operator of the runtime": model(
        helper.make_node("Gelu", ["x"], ["y"], domain="com.microsoft"), opsets=(("", 17), ("com.microsoft", 1))
    ),
    "a function of its own": model(**of_its_own("own")),
    "half precision": model(inputs=(("x", TensorProto.FLOAT16, ["n"]),), outputs=(("y", TensorProto.FLOAT16, None),)),
    "a domain that nobody uses": model(opsets=(("", 17), ("strange", 1))),
    "constants that are inputs too": model(
        helper.make_node("Sum", ["x", *(f"c{n}" for n in range(70))], ["y"]),
        inputs=(("x", FLOAT, ["n", 2]), *((f"c{n}", FLOAT, [2]) for n in range(70))),
        constants=[numpy_helper.from_array(np.zeros(2, np.float32), f"c{n}") for n in range(70)],
        ir_version=3,
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_nothing_that_the_runtime_loads(tmp_path: Path, name: str) -> None:
    made, reason = REFUSED[name]
    assert reason in refusal(read_model([made.SerializeToString()], with_nodes=False))
    with pytest.raises(LoadFailed):
        ENGINE.load(_written(tmp_path, made.SerializeToString()))


@pytest.mark.parametrize("name", TAKEN)
def test_what_the_runtime_loads_is_not_refused(tmp_path: Path, name: str) -> None:
    content = TAKEN[name].SerializeToString()
    ENGINE.load(_written(tmp_path, content))
    assert not refusal(read_model([content], with_nodes=False))


@pytest.mark.parametrize("content", [b"no model at all", onnx.ModelProto(ir_version=8).SerializeToString(), b"\x08"])
def test_what_is_no_model_is_none_to_the_runtime_too(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(Unreadable):
        read_model([content])
    with pytest.raises(LoadFailed):
        ENGINE.load(_written(tmp_path, content))


def test_more_tensors_than_a_request_may_have_are_refused() -> None:
    wide = [(f"f{n}", FLOAT, ["n", 1]) for n in range(MAX_INPUTS + 1)]
    node = helper.make_node("Concat", [name for name, _, _ in wide], ["y"], axis=1)
    assert "takes 65 tensors, at most 64" in refusal(read_model([model(node, inputs=wide).SerializeToString()]))
    node = helper.make_node("Concat", [name for name, _, _ in wide[:-1]], ["y"], axis=1)
    assert not refusal(read_model([model(node, inputs=wide[:-1]).SerializeToString()]))


@pytest.mark.parametrize(("shape", "reason"), [([1] * 9, "9 axes"), (["n", 2**25], "33554432 elements"), ([1] * 8, "")])
def test_an_input_that_no_request_can_have_is_refused(shape: list[Any], reason: str) -> None:
    found = refusal(read_model([model(inputs=(("x", FLOAT, shape),)).SerializeToString()]))
    assert reason in found
    assert bool(reason) == bool(found)


def _written(folder: Path, content: bytes) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(content)
    return path
