"""Messages to values and back."""

from collections.abc import Mapping
from typing import Any

from forgepoint.common.v1.common_pb2 import ErrorDetail
from forgepoint.serving.v1 import serving_pb2 as pb
from fp_kernel import Error
from fp_rpc.tensors import TensorForm
from fp_rpc.times import to_timestamp

from fp_serving.app.slot import Loaded
from fp_serving.domain.lifecycle import ModelState, Status

TENSORS = TensorForm(pb.TensorData, pb.TensorSpec, pb.DataType)
STATES: Mapping[ModelState, Any] = {
    ModelState.DOWNLOADING: pb.MODEL_STATE_DOWNLOADING,
    ModelState.LOADING: pb.MODEL_STATE_LOADING,
    ModelState.READY: pb.MODEL_STATE_READY,
    ModelState.FAILED: pb.MODEL_STATE_FAILED,
}


def error_to_pb(error: Error) -> ErrorDetail:
    return ErrorDetail(
        code=error.reason or error.kind.value,
        message=error.message,
        field=error.fields[0].field if error.fields else "",
    )


def info_to_pb(model_name: str, loaded: Loaded) -> pb.ModelInfo:
    return pb.ModelInfo(
        name=model_name,
        version=loaded.facts.version,
        input_schema=map(TENSORS.spec_to_pb, loaded.schema.inputs),
        output_schema=map(TENSORS.spec_to_pb, loaded.schema.outputs),
        loaded_at=to_timestamp(loaded.loaded_at),
        artifact_digest=loaded.facts.digest,
    )


def status_to_pb(model_name: str, version: str, status: Status) -> pb.ModelStatus:
    return pb.ModelStatus(
        model_name=model_name,
        version=version,
        state=STATES[status.state],
        message=status.message,
        updated_at=to_timestamp(status.updated_at),
    )
