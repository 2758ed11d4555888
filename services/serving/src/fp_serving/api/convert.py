"""Messages to values and back."""

from collections.abc import Mapping
from typing import Any, Protocol

from forgepoint.common.v1.common_pb2 import ErrorDetail
from forgepoint.serving.v1 import serving_pb2 as pb
from fp_kernel import Error
from fp_rpc.tensors import TensorForm
from fp_rpc.times import to_duration, to_timestamp

from fp_serving.app.predict import Answer
from fp_serving.app.request_counts import RequestCounts
from fp_serving.app.session import Asked, Resident
from fp_serving.app.slot import Loaded
from fp_serving.domain.lifecycle import ModelState

TENSORS = TensorForm(pb.TensorData, pb.TensorSpec, pb.DataType)
STATES: Mapping[ModelState, Any] = {
    ModelState.DOWNLOADING: pb.MODEL_STATE_DOWNLOADING,
    ModelState.LOADING: pb.MODEL_STATE_LOADING,
    ModelState.READY: pb.MODEL_STATE_READY,
    ModelState.FAILED: pb.MODEL_STATE_FAILED,
    ModelState.UNLOADED: pb.MODEL_STATE_UNLOADED,
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


def status_to_pb(resident: Resident, link_port: int) -> pb.ModelStatus:
    status = resident.status
    return pb.ModelStatus(
        model_name=resident.assignment.model_name,
        version=resident.version,
        version_id=resident.assignment.version_id,
        state=STATES[status.state],
        message=status.message,
        reason=status.reason,
        memory_bytes=resident.memory_bytes,
        updated_at=to_timestamp(status.updated_at),
        link_port=link_port,
    )


class Naming(Protocol):
    """Messages that name a version."""

    model_name: str
    version: str
    version_id: str


def asked_from_pb(request: Naming) -> Asked:
    return Asked(request.model_name, request.version, request.version_id)


def answer_to_pb(answer: Answer, correlation_id: str) -> pb.PredictResponse:
    return pb.PredictResponse(
        outputs=TENSORS.all_to_pb(answer.outputs),
        model_version=answer.version,
        inference_latency=to_duration(answer.seconds),
        correlation_id=correlation_id,
        from_cache=answer.from_cache,
    )


def streamed_to_pb(answer: Answer) -> pb.StreamPredictResponse:
    return pb.StreamPredictResponse(
        outputs=TENSORS.all_to_pb(answer.outputs),
        model_version=answer.version,
        inference_latency=to_duration(answer.seconds),
    )


def metrics_to_pb(counts: RequestCounts, memory_bytes: int) -> pb.ServingMetrics:
    return pb.ServingMetrics(
        inflight_requests=counts.in_flight,
        total_requests=counts.total,
        failed_requests=counts.failed,
        p50_latency=to_duration(counts.latencies.quantile(0.5)),
        p99_latency=to_duration(counts.latencies.quantile(0.99)),
        model_memory_bytes=memory_bytes,
    )
