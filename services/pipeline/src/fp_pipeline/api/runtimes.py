"""Versions in the memory of their processes, as messages."""

from collections.abc import Iterable

from forgepoint.pipeline.v1 import pipeline_pb2 as pb
from forgepoint.serving.v1 import serving_pb2
from fp_rpc.times import to_timestamp

from fp_pipeline.app.version_runtimes import VersionRuntime


def listed_to_pb(runtimes: Iterable[VersionRuntime]) -> pb.ListVersionRuntimesResponse:
    return pb.ListVersionRuntimesResponse(runtimes=map(to_pb, runtimes))


def to_pb(runtime: VersionRuntime) -> pb.VersionRuntime:
    deployment, status = runtime.deployment, runtime.status
    return pb.VersionRuntime(
        model_name=deployment.model_name,
        version=deployment.version,
        version_id=deployment.version_id,
        shared=deployment.shared,
        state=serving_pb2.ModelState.Value(f"MODEL_STATE_{status.state or 'UNSPECIFIED'}"),
        message=status.message,
        reason=status.reason,
        memory_bytes=status.memory_bytes,
        updated_at=to_timestamp(status.updated_at) if status.updated_at else None,
    )
