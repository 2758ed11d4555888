"""A model whose run takes as long as one likes."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

FOR_EVER = 2**40


def counter() -> bytes:
    """Counts to `n` one by one, which for a large one takes as long as anybody waits."""
    number = TensorProto.INT64
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["go_on"]),
            helper.make_node("Add", ["before", "one"], ["after"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("at", number, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("before", number, [1]),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("after", number, [1]),
        ],
    )
    graph = helper.make_graph(
        [
            helper.make_node("Squeeze", ["n"], ["times"]),
            helper.make_node("Loop", ["times", "", "zero"], ["counted"], body=body),
        ],
        "counter",
        [helper.make_tensor_value_info("n", number, [1])],
        [helper.make_tensor_value_info("counted", number, [1])],
        [numpy_helper.from_array(np.array([value]), name) for name, value in (("one", 1), ("zero", 0))],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return made.SerializeToString()
