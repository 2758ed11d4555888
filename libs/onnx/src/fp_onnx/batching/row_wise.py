"""Whether each row of a model's answer depends on the same row of its inputs and on nothing else, read from its graph.

Only then may the rows of several callers share a run. Operators that keep rows apart are listed with their conditions;
what is not listed, or whose condition cannot be read, is taken to mix them. The list is long and safe, never clever: a
wrong yes gives a caller an answer that depends on strangers, a wrong no costs some throughput.
"""

from collections.abc import Mapping, Sequence

from fp_onnx.batching import row_rules as compute
from fp_onnx.batching import shape_rules as shapes
from fp_onnx.batching.rows import Rows, Rule, Step, Value
from fp_onnx.graph import Constant, Graph, Node

_LABEL = Rows(())
_ALIKE = frozenset({"Split", "TopK"})
_UNARY = """
    Abs Acos Acosh Asin Asinh Atan Atanh BitwiseNot Cast Ceil Celu Cos Cosh Elu Erf Exp Floor Gelu
    HardSigmoid HardSwish Identity IsInf IsNaN LeakyRelu Log Mish Neg Not Reciprocal Relu Round Selu
    Shrink Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Tan Tanh ThresholdedRelu
"""
_BROADCAST = """
    Add And BitShift BitwiseAnd BitwiseOr BitwiseXor Div Equal Greater GreaterOrEqual Less LessOrEqual
    Max Mean Min Mod Mul Or PRelu Pow Sub Sum Where Xor
"""
_REDUCE = """
    ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum
    ReduceSumSquare
"""
_IMAGES = frozenset(
    {"AveragePool", "Conv", "GlobalAveragePool", "GlobalMaxPool", "InstanceNormalization", "LRN", "MaxPool"}
)
# What leaves ZipMap is served as the table that came in.
_TABLES = frozenset({"LinearRegressor", "SVMRegressor", "TreeEnsembleRegressor", "ZipMap"})
_CLASSIFIERS = frozenset({"LinearClassifier", "SVMClassifier", "TreeEnsembleClassifier"})
_SAME = frozenset({"Binarizer", "CategoryMapper", "Imputer", "LabelEncoder"})


def is_row_wise(graph: Graph, outputs: Sequence[str]) -> bool:
    """outputs: those that are served; what only feeds others may mix as it likes."""
    values = _values(graph)
    return bool(outputs) and all(isinstance(values.get(name), Rows) for name in outputs)


def mixing(graph: Graph, outputs: Sequence[str]) -> Sequence[Node]:
    """The operators in the way: the first ones from which an output comes whose rows are not kept apart."""
    values = _values(graph)
    makers = {name: node for node in graph.nodes for name in node.outputs}
    found: dict[str, Node] = {}
    seen: set[str] = set()
    open_names = [name for name in outputs if not isinstance(values.get(name), Rows)]
    while open_names:
        name = open_names.pop()
        node = makers.get(name)
        if node is None or name in seen:
            continue
        seen.add(name)
        unknown = [each for each in node.inputs if each and values.get(each) is None]
        open_names += unknown
        if not unknown:
            found[name] = node
    return [node for node in graph.nodes if any(node is each for each in found.values())]


def _values(graph: Graph) -> dict[str, Value]:
    values: dict[str, Value] = {name: Rows(info.shape[1:]) for name, info in graph.inputs.items() if info.shape}
    values.update(graph.constants)
    for node in graph.nodes:
        _follow(node, values, graph.opset)
    return values


def _follow(node: Node, values: dict[str, Value], opset: int) -> None:
    if node.op == "Constant" and not node.domain:
        values.update(dict.fromkeys(node.outputs, node.constant or Constant()))
        return
    given = [values.get(name) if name else Constant((), ()) for name in node.inputs]
    rule = _RULES.get((node.domain, node.op))
    if rule is None or not given or any(value is None for value in given):
        return
    found = rule(Step(node, given, opset))
    if all(isinstance(value, Constant) for value in given):
        # Of constants alone: a constant, whatever its shape.
        found = given[0] if node.op in {"Identity", "Cast"} else Constant()
    if node.op in _CLASSIFIERS and isinstance(found, Rows):
        values.update(zip(node.outputs, (_LABEL, found), strict=False))
    else:
        # Further outputs are of other shapes, where they are no parts of the same.
        values.update(dict.fromkeys(node.outputs if node.op in _ALIKE else node.outputs[:1], found))


_RULES: Mapping[tuple[str, str], Rule] = {
    **{("", op): compute.unary for op in _UNARY.split()},
    **{("", op): compute.broadcast for op in _BROADCAST.split()},
    **{("", op): compute.reduced for op in _REDUCE.split()},
    **{("", op): compute.along for op in compute.ALONG},
    **{("", op): compute.image for op in _IMAGES},
    **{("ai.onnx.ml", op): compute.table for op in _TABLES | _CLASSIFIERS},
    **{("ai.onnx.ml", op): compute.unary for op in _SAME},
    ("", "Clip"): compute.first,
    ("", "Dropout"): compute.dropped,
    ("", "ArgMax"): compute.best,
    ("", "ArgMin"): compute.best,
    ("", "TopK"): compute.top,
    ("", "MatMul"): compute.product,
    ("", "MatMulInteger"): compute.product,
    ("", "Gemm"): compute.gemm,
    ("", "QuantizeLinear"): compute.quantized,
    ("", "DequantizeLinear"): compute.quantized,
    ("", "BatchNormalization"): compute.normalized,
    ("", "Concat"): shapes.joined,
    ("", "Split"): shapes.cut,
    ("", "Slice"): shapes.sliced,
    ("", "Gather"): shapes.gathered,
    ("", "Unsqueeze"): shapes.unsqueezed,
    ("", "Squeeze"): shapes.squeezed,
    ("", "Flatten"): shapes.flat,
    ("", "Transpose"): shapes.turned,
    ("", "Reshape"): shapes.reshaped,
    ("", "OneHot"): shapes.coded,
    ("ai.onnx.ml", "ArrayFeatureExtractor"): shapes.features,
    ("ai.onnx.ml", "OneHotEncoder"): compute.encoded,
    ("ai.onnx.ml", "Normalizer"): compute.matrix,
    ("ai.onnx.ml", "Scaler"): compute.matrix,
}
