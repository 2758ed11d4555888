"""ONNX Runtime on the CPU."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import onnxruntime
from fp_kernel import InvalidArgument
from fp_kernel.signatures import DYNAMIC, TensorSpec
from fp_kernel.tensors import ElementType
from fp_onnx import Graph, Unreadable, read_model
from fp_telemetry import get_logger

from fp_serving.domain.arrays import Array
from fp_serving.domain.lifecycle import LoadFailed
from fp_serving.domain.row_wise import is_row_wise
from fp_serving.domain.schema import Schema

_LONGEST_REASON = 300
_PIECE = 1024 * 1024
_ERRORS_ONLY = 3
_ELEMENTS: Mapping[str, ElementType] = {
    "tensor(float)": ElementType.FLOAT32,
    "tensor(double)": ElementType.FLOAT64,
    "tensor(int32)": ElementType.INT32,
    "tensor(int64)": ElementType.INT64,
    "tensor(bool)": ElementType.BOOL,
    "tensor(string)": ElementType.STRING,
}

# Absolute paths of two names and more; in the runtime's words they are of its sources or of this machine.
_PATH = re.compile(r"(?<![\w.])/(?:[\w.@+-]+/)+[\w.@+-]*")

_log = get_logger(__name__)


class OnnxEngine:
    """threads: for one run."""

    def __init__(self, threads: int) -> None:
        self._threads = threads

    def load(self, path: Path) -> "OnnxModel":
        try:
            session = onnxruntime.InferenceSession(
                str(path), _options(self._threads), providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # noqa: BLE001 -- the runtime's own exceptions have no common base but this
            raise LoadFailed(f"not a model that can be loaded: {_reason(error, path)}") from None
        return OnnxModel(session, path)


class OnnxModel:
    """A session and the tensors it serves."""

    def __init__(self, session: Any, path: Path) -> None:
        self._session = session
        self.schema = _schema(session)
        self.row_wise = _is_row_wise(path, [spec.name for spec in self.schema.outputs])
        self._names = [spec.name for spec in self.schema.outputs]

    def run(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        try:
            return dict(zip(self._names, self._session.run(self._names, dict(inputs)), strict=True))
        except Exception as error:  # noqa: BLE001 -- as above: bad values and a bad model look alike here
            _log.warning("model run failed", reason=str(error))
            raise InvalidArgument(
                f"inputs: the model cannot compute these values: {_reason(error)}", reason="MODEL_REFUSED"
            ) from None


def _is_row_wise(path: Path, outputs: Sequence[str]) -> bool:
    try:
        return is_row_wise(read_graph(path), outputs)
    except (Unreadable, OSError) as error:
        _log.warning("the graph was not read; requests run one by one", reason=str(error))
        return False


def read_graph(path: Path) -> Graph:
    """Raises Unreadable, OSError."""
    with path.open("rb") as file:
        return read_model(iter(lambda: file.read(_PIECE), b"")).graph


def _options(threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = _ERRORS_ONLY
    # The arena never gives back what the largest batch took: measured 672 MB against 150 MB, at the same speed.
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    # Spinning threads burn the quota that the next run needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _schema(session: Any) -> Schema:
    inputs = tuple(map(_spec, session.get_inputs()))
    unknown = [f"{node.name} ({node.type})" for node in session.get_inputs() if node.type not in _ELEMENTS]
    if unknown:
        raise LoadFailed(f"inputs of a type that cannot be served: {', '.join(unknown)}")
    outputs = tuple(_spec(node) for node in session.get_outputs() if node.type in _ELEMENTS)
    left_out = tuple(f"{node.name} ({node.type})" for node in session.get_outputs() if node.type not in _ELEMENTS)
    if not inputs:
        raise LoadFailed("the model takes no input")
    if not outputs:
        raise LoadFailed(f"no output is a tensor: {', '.join(left_out)}; convert the model without ZipMap")
    return Schema(inputs, outputs, left_out)


def _spec(node: Any) -> TensorSpec:
    shape = tuple(size if isinstance(size, int) and size > 0 else DYNAMIC for size in node.shape)
    return TensorSpec(node.name, _ELEMENTS.get(node.type, ElementType.FLOAT32), shape)


def _reason(error: Exception, path: Path | None = None) -> str:
    """The runtime's own words without this machine's paths: that of the artifact, and those beside it."""
    text = str(error)
    if path is not None:
        text = text.replace(str(path), "the artifact").replace(f"{path.parent}{os.sep}", "")
    text = _PATH.sub("a file", text)
    first = text.strip().splitlines()[0] if text.strip() else type(error).__name__
    return first[:_LONGEST_REASON]
