"""Questions to registry and pipeline, on behalf of the caller."""

import grpc
from forgepoint.pipeline.v1.pipeline_pb2 import GetPipelineRequest
from forgepoint.pipeline.v1.pipeline_pb2_grpc import PipelineOrchestratorServiceStub
from forgepoint.registry.v1.registry_pb2 import GetModelRequest
from forgepoint.registry.v1.registry_pb2_grpc import RegistryServiceStub
from fp_kernel import InvalidArgument, NotFound


class GrpcPeers:
    def __init__(self, registry: grpc.aio.Channel, pipeline: grpc.aio.Channel) -> None:
        self._registry = RegistryServiceStub(registry)
        self._pipeline = PipelineOrchestratorServiceStub(pipeline)

    async def has_model(self, name: str) -> bool:
        try:
            await self._registry.GetModel(GetModelRequest(name=name))
        except (NotFound, InvalidArgument):
            # What cannot be the name of a model is none.
            return False
        return True

    async def has_pipeline(self, pipeline_id: str) -> bool:
        try:
            await self._pipeline.GetPipeline(GetPipelineRequest(pipeline_id=pipeline_id))
        except NotFound:
            return False
        return True
