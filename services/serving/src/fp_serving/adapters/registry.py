"""The registry, asked with serving's own identity on behalf of the model's team."""

import grpc
from forgepoint.registry.v1.registry_pb2 import (
    GetDownloadURLRequest,
    GetModelRequest,
    GetVersionRequest,
    VersionStatus,
)
from forgepoint.registry.v1.registry_pb2_grpc import RegistryServiceStub
from fp_rpc import acting_for

from fp_serving.app.slot import VersionFacts
from fp_serving.domain.lifecycle import LoadFailed


class RegistryClient:
    def __init__(self, channel: grpc.aio.Channel, team: str) -> None:
        self._stub = RegistryServiceStub(channel)
        self._team = team

    async def version(self, version_id: str) -> VersionFacts:
        with acting_for(self._team):
            response = await self._stub.GetVersion(GetVersionRequest(id=version_id))
        version = response.version
        if version.status != VersionStatus.VERSION_STATUS_READY:
            raise LoadFailed(f"version {version.version} is not READY in the registry")
        return VersionFacts(
            team=self._team,
            version_id=version.id,
            model_id=version.model_id,
            version=version.version,
            digest=version.artifact_digest,
            size_bytes=version.size_bytes,
        )

    async def version_id(self, model_name: str, version: str) -> str:
        with acting_for(self._team):
            model = (await self._stub.GetModel(GetModelRequest(name=model_name))).model
            response = await self._stub.GetVersion(GetVersionRequest(model_id=model.id, version=version))
        version_id: str = response.version.id
        return version_id

    async def download_url(self, version_id: str) -> str:
        with acting_for(self._team):
            response = await self._stub.GetDownloadURL(GetDownloadURLRequest(version_id=version_id))
        url: str = response.download_url
        return url
