"""The pipeline's list of deployments."""

from collections.abc import Callable, Sequence
from datetime import UTC
from typing import Any

import grpc
from forgepoint.common.v1.common_pb2 import PaginationRequest
from forgepoint.common.v1.model_pb2 import Signature as SignaturePb
from forgepoint.pipeline.v1 import pipeline_pb2 as pb
from forgepoint.pipeline.v1.pipeline_pb2_grpc import PipelineOrchestratorServiceStub
from fp_kernel.signatures import Signature

from fp_inference.app.ports import Deployment
from fp_inference.domain.routes import Target

_PAGE = 100
# A prediction waits for it.
_OF_MODEL_TIMEOUT = 1.0


class PipelineDeployments:
    """signature: reads a declared signature."""

    def __init__(self, channel: grpc.aio.Channel, signature: Callable[[SignaturePb], Signature]) -> None:
        self._stub: Any = PipelineOrchestratorServiceStub(channel)
        self._signature = signature

    async def all(self) -> Sequence[Deployment]:
        found: list[Deployment] = []
        token = ""
        while True:
            pagination = PaginationRequest(page_size=_PAGE, page_token=token)
            response = await self._stub.ListDeployments(pb.ListDeploymentsRequest(pagination=pagination))
            found += map(self._deployment, response.deployments)
            token = response.pagination.next_page_token
            if not token:
                return found

    async def of_model(self, team: str, model_name: str) -> Sequence[Deployment]:
        request = pb.ListDeploymentsRequest(team=team, model_name=model_name)
        response = await self._stub.ListDeployments(request, timeout=_OF_MODEL_TIMEOUT)
        return [self._deployment(listed) for listed in response.deployments]

    def _deployment(self, listed: pb.Deployment) -> Deployment:
        target = Target(
            model_id=listed.model_id,
            version_id=listed.version_id,
            version=listed.version,
            endpoint=listed.endpoint,
            weight_bps=listed.weight_bps,
            sequence=listed.sequence,
            deployed_at=listed.deployed_at.ToDatetime(UTC),
            signature=self._signature(listed.signature),
            artifact_digest=listed.artifact_digest,
        )
        return Deployment(listed.team, listed.model_name, target)
