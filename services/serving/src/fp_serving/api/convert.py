"""Messages to values and back."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from forgepoint.serving.v1 import serving_pb2 as pb
from fp_kernel import invalid
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from fp_serving.app.slot import Loaded
from fp_serving.domain.lifecycle import ModelState, Status
from fp_serving.domain.schema import TensorSpec
from fp_serving.domain.tensors import ElementType, Tensor

_TO_PB: Mapping[ElementType, int] = {
    ElementType.FLOAT32: pb.DATA_TYPE_FLOAT32,
    ElementType.FLOAT64: pb.DATA_TYPE_FLOAT64,
    ElementType.INT32: pb.DATA_TYPE_INT32,
    ElementType.INT64: pb.DATA_TYPE_INT64,
    ElementType.BOOL: pb.DATA_TYPE_BOOL,
    ElementType.STRING: pb.DATA_TYPE_STRING,
}
_FROM_PB: Mapping[int, ElementType] = {number: element for element, number in _TO_PB.items()}
STATES: Mapping[ModelState, Any] = {
    ModelState.DOWNLOADING: pb.MODEL_STATE_DOWNLOADING,
    ModelState.LOADING: pb.MODEL_STATE_LOADING,
    ModelState.READY: pb.MODEL_STATE_READY,
    ModelState.FAILED: pb.MODEL_STATE_FAILED,
}


def tensors_from_pb(inputs: Mapping[str, pb.TensorData]) -> Mapping[str, Tensor]:
    """Raises InvalidArgument naming the dtype that is missing or unknown."""
    tensors: dict[str, Tensor] = {}
    for name, tensor in inputs.items():
        element = _FROM_PB.get(tensor.dtype)
        if element is None:
            raise invalid(f"inputs[{name}].dtype", "is not a known element type")
        tensors[name] = Tensor(element, tuple(tensor.shape), tensor.data)
    return tensors


def tensor_to_pb(tensor: Tensor) -> pb.TensorData:
    return pb.TensorData(shape=tensor.shape, data=tensor.data, dtype=_element(tensor.element))


def spec_to_pb(spec: TensorSpec) -> pb.TensorSpec:
    return pb.TensorSpec(name=spec.name, shape=spec.shape, dtype=_element(spec.element))


def info_to_pb(model_name: str, loaded: Loaded) -> pb.ModelInfo:
    return pb.ModelInfo(
        name=model_name,
        version=loaded.facts.version,
        input_schema=map(spec_to_pb, loaded.schema.inputs),
        output_schema=map(spec_to_pb, loaded.schema.outputs),
        loaded_at=time_to_pb(loaded.loaded_at),
        artifact_digest=loaded.facts.digest,
    )


def status_to_pb(model_name: str, version: str, status: Status) -> pb.ModelStatus:
    return pb.ModelStatus(
        model_name=model_name,
        version=version,
        state=STATES[status.state],
        message=status.message,
        updated_at=time_to_pb(status.updated_at),
    )


def time_to_pb(time: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(time)
    return stamp


def seconds_to_pb(seconds: float) -> Duration:
    duration = Duration()
    duration.FromTimedelta(timedelta(seconds=seconds))
    return duration


def _element(element: ElementType) -> Any:
    return _TO_PB[element]
