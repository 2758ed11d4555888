"""ONNX Runtime on the CPU."""

import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import onnxruntime
from fp_kernel import InvalidArgument
from fp_kernel.tensors import ElementType, Tensor
from fp_kernel.warm_ups import read_samples
from fp_onnx import MOST_DEFAULT, Graph, Model, Unreadable, read_model, unpack, warm_up_of
from fp_onnx.batching.row_wise import is_row_wise
from fp_telemetry import get_logger

from fp_serving.adapters.onnx_values import ELEMENTS, Read, answer_of, run_with_bfloat16, spec_of
from fp_serving.adapters.unpacking import folder_beside
from fp_serving.domain.arrays import Array
from fp_serving.domain.lifecycle import LoadFailed, WarmUpFailed
from fp_serving.domain.schema import Schema

_LONGEST_REASON = 300
_PIECE = 1024 * 1024
_ERRORS_ONLY = 3
# Absolute paths of two names and more; in the runtime's words they are of its sources or of this machine.
_PATH = re.compile(r"(?<![\w.])/(?:[\w.@+-]+/)+[\w.@+-]*")

_UNREAD = Graph({}, {}, {}, [], 0)
# Threads divide the trees of a row among them: the sum is another with each number of threads. Of most other operators
# they divide rows and columns of the result, each number of which one of them computes.
_SUMS = re.compile(r"TreeEnsemble")
# Weights of so many bytes are read in each run, which takes long enough for threads whatever the processor.
_LARGE_BYTES = 32 * 1024 * 1024

_log = get_logger(__name__)


class OnnxEngine:
    """threads: that one run may take. A model has one, unless it is large or is loaded `wide`."""

    def __init__(self, threads: int) -> None:
        self._threads = threads

    def load(self, path: Path, *, wide: bool = False) -> "OnnxModel":
        # The runtime maps the weights of a bundle into memory, and needs their files no more.
        with folder_beside(path) as folder:
            try:
                large = path.stat().st_size >= _LARGE_BYTES
                file = unpack(path, folder)
            except (Unreadable, OSError) as error:
                raise LoadFailed(f"not a model that can be loaded: {_reason(error, path)}") from None
            return self._loaded(file, wide=wide or large)

    def samples(self, path: Path, schema: Schema) -> Sequence[Mapping[str, Tensor]]:
        try:
            content = warm_up_of(path)
            return read_samples(content, schema.inputs) if content is not None else ()
        except (InvalidArgument, Unreadable, OSError) as error:
            raise WarmUpFailed(f"its samples do not fit it: {_reason(error, path)}") from None

    def _loaded(self, path: Path, *, wide: bool) -> "OnnxModel":
        read = _read(path)
        most = self._threads if read is not None and _may_have_threads(read) else 1
        try:
            session = onnxruntime.InferenceSession(
                str(path), _options(most if wide else 1), providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # noqa: BLE001 -- the runtime's own exceptions have no common base but this
            raise LoadFailed(f"not a model that can be loaded: {_reason(error, path)}") from None
        return OnnxModel(session, read.graph if read is not None else _UNREAD, widens=most > 1 and not wide)


class OnnxModel:
    """A session and the tensors it serves."""

    def __init__(self, session: Any, graph: Graph, *, widens: bool) -> None:
        self._session = session
        self.widens = widens
        self.schema, reads = _schema(session, graph)
        self.row_wise = is_row_wise(graph, [spec.name for spec in self.schema.outputs])
        self._names = [spec.name for spec in self.schema.outputs]
        self._reads = reads
        specs = (*self.schema.inputs, *self.schema.outputs)
        self._has_bfloat16 = any(spec.element is ElementType.BFLOAT16 for spec in specs)

    def run(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        try:
            if self._has_bfloat16:
                found = run_with_bfloat16(self._session, self._names, inputs)
            else:
                found = self._session.run(self._names, dict(inputs))
            for place, read in self._reads:
                found[place] = read(found[place])
            return dict(zip(self._names, found, strict=True))
        except Exception as error:  # noqa: BLE001 -- as above: bad values and a bad model look alike here
            _log.warning("model run failed", reason=str(error))
            raise InvalidArgument(
                f"inputs: the model cannot compute these values: {_reason(error)}", reason="MODEL_REFUSED"
            ) from None


def _read(path: Path) -> Model | None:
    """None when it is too much for the reader, or no model, which the runtime says better."""
    try:
        return read_file(path)
    except (Unreadable, OSError) as error:
        _log.warning("the graph was not read; requests run one by one, with one thread", reason=str(error))
        return None


def read_file(path: Path) -> Model:
    """Raises Unreadable, OSError."""
    with path.open("rb") as file:
        return read_model(iter(lambda: file.read(_PIECE), b""))


def _may_have_threads(model: Model) -> bool:
    """Whether more than one thread does not make other answers of it as a rule."""
    return not any(_SUMS.match(name) for _, name in model.operators)


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


def _schema(session: Any, graph: Graph) -> tuple[Schema, list[tuple[int, Read]]]:
    """The tensors, and what makes tensors of the outputs at these places."""
    unknown = [f"{node.name} ({node.type})" for node in session.get_inputs() if node.type not in ELEMENTS]
    if unknown:
        raise LoadFailed(f"inputs of a type that cannot be served: {', '.join(unknown)}")
    required = tuple(map(spec_of, session.get_inputs()))
    optional = tuple(spec_of(node, optional=True) for node in session.get_overridable_initializers() if _small(node))
    found = [(node, answer_of(node, graph)) for node in session.get_outputs()]
    served = [answer for _, answer in found if answer is not None]
    left_out = tuple(f"{node.name} ({node.type})" for node, answer in found if answer is None)
    if not required:
        raise LoadFailed("the model takes no input")
    if _strings_beside_bfloat16(session):
        raise LoadFailed("texts beside bfloat16 cannot be served")
    if not served:
        raise LoadFailed(f"no output is a tensor or becomes one: {', '.join(left_out)}")
    reads = [(place, read) for place, (_, read) in enumerate(served) if read is not None]
    return Schema((*required, *optional), tuple(spec for spec, _ in served), left_out), reads


def _strings_beside_bfloat16(session: Any) -> bool:
    """The runtime takes bfloat16 only as values of its own, and makes none of texts."""
    asked = {node.type for node in (*session.get_inputs(), *session.get_overridable_initializers())}
    given = {node.type for node in session.get_outputs()}
    return "tensor(string)" in asked and "tensor(bfloat16)" in asked | given


def _small(node: Any) -> bool:
    """Whether it is a default for requests to replace, and no weight that an exporter listed among the inputs."""
    return node.type in ELEMENTS and math.prod(node.shape) <= MOST_DEFAULT


def _reason(error: Exception, path: Path | None = None) -> str:
    """The runtime's own words without this machine's paths: that of the artifact, and those beside it."""
    text = str(error)
    if path is not None:
        text = text.replace(str(path), "the artifact").replace(f"{path.parent}{os.sep}", "")
    text = _PATH.sub("a file", text)
    first = text.strip().splitlines()[0] if text.strip() else type(error).__name__
    return first[:_LONGEST_REASON]
