"""Versions in the memory of their processes, as messages."""

from collections.abc import Sequence

from forgepoint.pipeline.v1 import pipeline_pb2 as pb
from forgepoint.serving.v1 import serving_pb2
from fp_rpc.times import to_timestamp

from fp_pipeline.app.version_runtimes import VersionRuntime
from fp_pipeline.domain.deployment import Deployment


def listed_to_pb(runtimes: Sequence[VersionRuntime]) -> pb.ListVersionRuntimesResponse:
    deployments = {each.deployment.runtime: each.deployment for each in runtimes}
    return pb.ListVersionRuntimesResponse(runtimes=map(to_pb, runtimes), scales=map(scale_to_pb, deployments.values()))


def scaled_to_pb(deployment: Deployment) -> pb.ScaleDeploymentResponse:
    return pb.ScaleDeploymentResponse(scale=scale_to_pb(deployment))


def scale_to_pb(deployment: Deployment) -> pb.DeploymentScale:
    replicas = deployment.replicas
    return pb.DeploymentScale(
        model_name=deployment.model_name,
        version=deployment.version,
        version_id=deployment.version_id,
        min_replicas=replicas.least,
        max_replicas=replicas.most,
        target_percent=replicas.target,
        settled=not deployment.scaling,
    )


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
        replica=status.replica,
        updated_at=to_timestamp(status.updated_at) if status.updated_at else None,
    )
