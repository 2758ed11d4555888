"""The registry over gRPC, on behalf of the execution's team."""

from dataclasses import replace

import grpc
from forgepoint.common.v1 import model_pb2
from forgepoint.registry.v1 import registry_pb2 as pb
from forgepoint.registry.v1.registry_pb2_grpc import RegistryServiceStub
from fp_kernel import AlreadyExists, NotFound, invalid
from fp_rpc import acting_for
from google.protobuf import json_format
from google.protobuf.struct_pb2 import Struct

from fp_pipeline.app.peers import Actor, ModelDraft, ModelRef, ModelVersion, Stage, Upload, VersionDraft, VersionStatus

_UPLOAD_SECONDS = 3_600


class GrpcRegistry:
    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = RegistryServiceStub(channel)

    async def version(self, actor: Actor, model: ModelRef, version: str) -> ModelVersion:
        wanted = pb.GetModelRequest(name=model.name) if model.name else pb.GetModelRequest(id=model.id)
        with acting_for(actor.team, actor.user_id):
            found_model = (await self._stub.GetModel(wanted)).model
            found = await self._stub.GetVersion(pb.GetVersionRequest(model_id=found_model.id, version=version))
        return replace(_version(found_model.name, found.version), archived=found_model.HasField("archived_at"))

    async def by_id(self, actor: Actor, version_id: str) -> ModelVersion:
        with acting_for(actor.team, actor.user_id):
            found = await self._stub.GetVersion(pb.GetVersionRequest(id=version_id))
        return _version("", found.version)

    async def settled(self, actor: Actor, version_id: str) -> ModelVersion:
        with acting_for(actor.team, actor.user_id):
            found = await self._stub.GetVersion(pb.GetVersionRequest(id=version_id, current=True))
        return _version("", found.version)

    async def in_production(self, actor: Actor, model_id: str) -> str:
        request = pb.GetVersionRequest(model_id=model_id, stage=pb.MODEL_STAGE_PRODUCTION)
        with acting_for(actor.team, actor.user_id):
            try:
                return (await self._stub.GetVersion(request)).version.id
            except NotFound:
                return ""

    async def promote(self, actor: Actor, version_id: str, stage: Stage, key: str) -> None:
        target = pb.ModelStage.Value(f"MODEL_STAGE_{stage}")
        with acting_for(actor.team, actor.user_id):
            await self._stub.PromoteVersion(
                pb.PromoteVersionRequest(version_id=version_id, target_stage=target, idempotency_key=key)
            )

    async def roll_back(self, actor: Actor, model_id: str, key: str) -> None:
        with acting_for(actor.team, actor.user_id):
            await self._stub.RollbackModel(pb.RollbackModelRequest(model_id=model_id, idempotency_key=key))

    async def ensure_model(self, actor: Actor, draft: ModelDraft, key: str) -> str:
        with acting_for(actor.team, actor.user_id):
            try:
                return (await self._stub.GetModel(pb.GetModelRequest(name=draft.name))).model.id
            except NotFound:
                pass
            try:
                return (await self._stub.RegisterModel(_registration(draft, key))).model.id
            except AlreadyExists:
                # Someone else registered it in between.
                return (await self._stub.GetModel(pb.GetModelRequest(name=draft.name))).model.id

    async def create_version(self, actor: Actor, draft: VersionDraft, key: str) -> Upload:
        signature, baseline = _profile(draft.profile)
        metrics = Struct()
        metrics.update(dict(draft.metrics))
        if baseline is not None:
            # What the held-out weeks said belongs to what later weeks are compared with.
            baseline.metrics.update(dict(draft.metrics))
        request = pb.CreateVersionRequest(
            model_id=draft.model_id,
            description=draft.description,
            metrics=metrics,
            idempotency_key=key,
            upload_url_ttl_seconds=_UPLOAD_SECONDS,
            signature=signature,
            baseline_profile=baseline,
            run_id=draft.run_id,
        )
        with acting_for(actor.team, actor.user_id):
            created = await self._stub.CreateVersion(request)
        return Upload(created.version.id, created.version.version, created.upload_url)

    async def confirm_upload(self, actor: Actor, version_id: str, digest: str, key: str) -> ModelVersion:
        request = pb.ConfirmVersionUploadRequest(version_id=version_id, expected_digest=digest, idempotency_key=key)
        with acting_for(actor.team, actor.user_id):
            return _version("", (await self._stub.ConfirmVersionUpload(request)).version)


def _registration(draft: ModelDraft, key: str) -> pb.RegisterModelRequest:
    return pb.RegisterModelRequest(
        name=draft.name,
        description=draft.description,
        framework=draft.framework,
        task_type=draft.task_type,
        idempotency_key=key,
    )


def _version(model_name: str, version: pb.ModelVersion) -> ModelVersion:
    signed = version.HasField("signature")
    return ModelVersion(
        model_id=version.model_id,
        model_name=model_name,
        version_id=version.id,
        version=version.version,
        status=VersionStatus(pb.VersionStatus.Name(version.status).removeprefix("VERSION_STATUS_")),
        stage=Stage(pb.ModelStage.Name(version.stage).removeprefix("MODEL_STAGE_")),
        digest=version.artifact_digest,
        failure_reason=version.failure_reason,
        signature=version.signature.SerializeToString() if signed else b"",
        inputs=frozenset(tensor.name for tensor in version.signature.inputs) if signed else frozenset(),
        # What it needs room for: an ensemble is a few lines.
        size_bytes=version.size_bytes + sum({each.version_id: each.size_bytes for each in version.members}.values()),
    )


def _profile(content: bytes) -> tuple[model_pb2.Signature | None, model_pb2.BaselineProfile | None]:
    """Raises InvalidArgument when the training job put something else than it promised."""
    if not content:
        return None, None
    # A request has both fields under the names that the file uses, and refuses every other name.
    request = pb.CreateVersionRequest()
    try:
        json_format.Parse(content, request)
    except (json_format.ParseError, UnicodeDecodeError) as error:
        raise invalid("profile.json", f"is no signature with a baseline profile: {error}") from None
    return (
        request.signature if request.HasField("signature") else None,
        request.baseline_profile if request.HasField("baseline_profile") else None,
    )
