"""Tensors of every element type that cannot be, and some that may be: as messages, and as the Open Inference Protocol
writes them.
"""

import json
import random
from collections.abc import Iterator, Mapping
from typing import Any

from fp_kernel.packing import nest, pack, unpack
from fp_kernel.tensors import ONNX_TYPES, ElementType, Tensor
from fp_oip.tensors import DATATYPES
from fp_rpc.tensors import TensorForm
from onnx import TensorProto, helper

GOOD: Mapping[str, Tensor] = {
    element.value: pack([["", "a"]] if element is ElementType.STRING else [[0, 1]], element, "x")
    for element in ElementType
}
ANCHOR = "anchor"
"""An input that is never wrong: others are compared with the first one."""
SHAPES = ([], [2], [0, 2], [-1, 2], [-(2**63), 2], [1, 3], [2**62, 2**62], [2**63 - 1] * 9, [1] * 9, [1, 2, 1])
DTYPES = (0, 7, 99, 108, -1, 2**31 - 1)
_NAMES = {element: name for name, element in DATATYPES.items()}
_NUMBERS = (-1, 2**31, 2**63, 2**64, -(2**63) - 1, 1e39, 1e308, 65_520, 0.5, -0.0)
_WORDS = ("x", "NaN", "Infinity", "1", "", " 1", "\ud800", "\0", "\U0001f9ea")
_VALUES: tuple[Any, ...] = (*_NUMBERS, *_WORDS, None, True, {}, [], [[1]])


def values(kinds: Mapping[str, Tensor]) -> Any:
    """The inputs of a model that gives back what it takes, as (name, element type, shape)."""
    named = [(ANCHOR, TensorProto.FLOAT, ["n", 2])]
    return named + [(name, ONNX_TYPES[tensor.element], ["n", 2]) for name, tensor in kinds.items()]


def model(kinds: Mapping[str, Tensor]) -> bytes:
    """An input and an output `<name>_out` of each element type."""
    taken = values(kinds)
    graph = helper.make_graph(
        [helper.make_node("Identity", [name], [f"{name}_out"]) for name, _, _ in taken],
        "every_type",
        [helper.make_tensor_value_info(*value) for value in taken],
        [helper.make_tensor_value_info(f"{name}_out", kind, shape) for name, kind, shape in taken],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return made.SerializeToString()


def without(element: ElementType) -> Mapping[str, Tensor]:
    """Of each type but one: the runtime takes no texts beside bfloat16."""
    return {name: tensor for name, tensor in GOOD.items() if tensor.element is not element}


def messages(form: TensorForm[Any, Any], tensor: Tensor, chance: random.Random) -> Iterator[Any]:
    """Each kind of wrong once, and bytes by chance of the right length."""
    good = form.to_pb(tensor)
    made = type(good)
    for shape in SHAPES:
        yield made(shape=shape, dtype=good.dtype, data=tensor.data)
    for length in sorted({0, 1, len(tensor.data) - 1, len(tensor.data) + 1, 4096} - {len(tensor.data)}):
        yield made(shape=tensor.shape, dtype=good.dtype, data=chance.randbytes(length))
    for _ in range(10):
        yield made(shape=tensor.shape, dtype=good.dtype, data=chance.randbytes(len(tensor.data)))
    for number in DTYPES:
        yield made(shape=tensor.shape, dtype=number, data=tensor.data)
    if tensor.element is ElementType.STRING:
        yield made(shape=[1, 2], dtype=good.dtype, data=b"\1\0\0\0\xff\0\0\0\0")
        yield made(shape=[1, 2], dtype=good.dtype, data=b"\xff\xff\xff\xff\0\0\0\0")


def message(form: TensorForm[Any, Any], tensor: Tensor, chance: random.Random) -> Any:
    """One of any of these, or of two kinds of wrong together."""
    found = chance.choice(list(messages(form, tensor, chance)))
    if chance.random() < 0.3:
        found.shape[:] = [chance.choice((0, 1, 2, 3, 7, -1, 2**62)) for _ in range(chance.randrange(10))]
    if chance.random() < 0.2:
        found.dtype = chance.choice([*DTYPES, *range(1, 7), *range(100, 108)])
    return found


def oip(name: str, tensor: Tensor) -> dict[str, Any]:
    data = nest(unpack(tensor), tensor.shape)
    return {"name": name, "datatype": _NAMES[tensor.element], "shape": list(tensor.shape), "data": data}


def document(name: str, tensor: Tensor, chance: random.Random) -> dict[str, Any]:
    """One that is wrong in a place or two, or may be right."""
    found = oip(name, tensor)
    for _ in range(chance.choice((1, 1, 2))):
        match chance.randrange(5):
            case 0:
                found["shape"] = chance.choice([*SHAPES, "1", [1.5], [None], {}, [True, 2]])
            case 1:
                found["data"] = [[chance.choice(_VALUES), chance.choice(_VALUES)]]
            case 2:
                found["data"] = chance.choice([None, "AAAA", {}, [], [0], [0] * 3, [[0], [0, 1]], _deep(40), 7])
            case 3:
                found["datatype"] = chance.choice([*DATATYPES, "", "fp32", 7, None, ["FP32"], "FP8"])
            case _:
                found.pop(chance.choice(["shape", "data", "datatype", "name"]), None)
    return found


def body(document_: Any) -> bytes:
    """As JSON, lone surrogates too."""
    return json.dumps(document_).encode()


def _deep(levels: int) -> Any:
    return [_deep(levels - 1)] if levels else 0
