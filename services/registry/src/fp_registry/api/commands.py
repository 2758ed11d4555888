"""The RPCs that change something."""

from contextlib import suppress
from datetime import timedelta

from forgepoint.registry.v1 import registry_pb2 as pb
from forgepoint.registry.v1.registry_pb2_grpc import RegistryServiceServicer
from fp_kernel import FailedPrecondition, parse_id
from fp_rpc import caller
from fp_rpc.times import to_timestamp

from fp_registry.api import convert
from fp_registry.api.command_runner import CommandRunner, Context
from fp_registry.app.archive_model import ArchiveModel, RestoreModel
from fp_registry.app.confirm_upload import ConfirmUpload
from fp_registry.app.create_version import CreateVersion
from fp_registry.app.measure_upload import Confirmed
from fp_registry.app.positions import Change
from fp_registry.app.promote_version import Promoted, PromoteVersion, RollbackModel
from fp_registry.app.register_model import RegisterModel
from fp_registry.app.update_model import UpdateModel
from fp_registry.app.urls import ArtifactUrls, lifetime


class CommandServicer(RegistryServiceServicer):
    def __init__(
        self,
        *,
        run: CommandRunner,
        urls: ArtifactUrls,
        register_model: RegisterModel,
        update_model: UpdateModel,
        archive_model: ArchiveModel,
        restore_model: RestoreModel,
        create_version: CreateVersion,
        confirm_upload: ConfirmUpload,
        promote_version: PromoteVersion,
        rollback_model: RollbackModel,
    ) -> None:
        self._run = run
        self._fresh = urls
        self._register_model = register_model
        self._update_model = update_model
        self._archive_model = archive_model
        self._restore_model = restore_model
        self._create_version = create_version
        self._confirm_upload = confirm_upload
        self._promote_version = promote_version
        self._rollback_model = rollback_model

    async def RegisterModel(self, request: pb.RegisterModelRequest, context: Context) -> pb.RegisterModelResponse:
        return await self._run(
            request,
            context,
            lambda command: self._register_model(convert.new_model(request), caller(), command),
            lambda changed: pb.RegisterModelResponse(model=convert.model_to_pb(changed.model)),
            pb.RegisterModelResponse,
        )

    async def UpdateModel(self, request: pb.UpdateModelRequest, context: Context) -> pb.UpdateModelResponse:
        model_id = parse_id(request.id, "id")
        return await self._run(
            request,
            context,
            lambda command: self._update_model(model_id, convert.model_update(request), caller(), command),
            lambda changed: pb.UpdateModelResponse(model=convert.model_to_pb(changed.model)),
            pb.UpdateModelResponse,
        )

    async def DeleteModel(self, request: pb.DeleteModelRequest, context: Context) -> pb.DeleteModelResponse:
        model_id = parse_id(request.id, "id")
        return await self._run(
            request,
            context,
            lambda command: self._archive_model(model_id, force=request.force, caller=caller(), command=command),
            _nothing,
            pb.DeleteModelResponse,
        )

    async def RestoreModel(self, request: pb.RestoreModelRequest, context: Context) -> pb.RestoreModelResponse:
        model_id = parse_id(request.id, "id")
        return await self._run(
            request,
            context,
            lambda command: self._restore_model(model_id, caller(), command),
            lambda changed: pb.RestoreModelResponse(model=convert.model_to_pb(changed.model)),
            pb.RestoreModelResponse,
        )

    async def CreateVersion(self, request: pb.CreateVersionRequest, context: Context) -> pb.CreateVersionResponse:
        model_id = parse_id(request.model_id, "model_id")
        ttl = lifetime(request.upload_url_ttl_seconds, "upload_url_ttl_seconds")
        return await self._run(
            request,
            context,
            lambda command: self._create_version(model_id, convert.new_version(request), caller(), command),
            lambda created: pb.CreateVersionResponse(version=convert.version_to_pb(created.version)),
            pb.CreateVersionResponse,
            complete=lambda answer: self._with_upload_url(answer, ttl),
        )

    async def _with_upload_url(self, answer: pb.CreateVersionResponse, ttl: timedelta) -> pb.CreateVersionResponse:
        """The URL is made for each answer: a stored one would be a secret at rest, and invalid in a repeated answer."""
        with suppress(FailedPrecondition):  # repeated after the upload: there is nothing to upload any more
            upload = await self._fresh.upload(answer.version.id, ttl, caller())
            answer.upload_url = upload.url
            answer.upload_url_expires_at.CopyFrom(to_timestamp(upload.expires_at))
        return answer

    async def ConfirmVersionUpload(
        self, request: pb.ConfirmVersionUploadRequest, context: Context
    ) -> pb.ConfirmVersionUploadResponse:
        version_id = parse_id(request.version_id, "version_id")
        return await self._run(
            request,
            context,
            lambda command: self._confirm_upload(version_id, request.expected_digest, caller(), command),
            _confirmed,
            pb.ConfirmVersionUploadResponse,
        )

    async def PromoteVersion(self, request: pb.PromoteVersionRequest, context: Context) -> pb.PromoteVersionResponse:
        version_id = parse_id(request.version_id, "version_id")
        target = convert.stage_of(request.target_stage, "target_stage")
        return await self._run(
            request,
            context,
            lambda command: self._promote_version(version_id, target, caller(), command),
            _promoted,
            pb.PromoteVersionResponse,
        )

    async def RollbackModel(self, request: pb.RollbackModelRequest, context: Context) -> pb.RollbackModelResponse:
        model_id = parse_id(request.model_id, "model_id")
        return await self._run(
            request,
            context,
            lambda command: self._rollback_model(model_id, caller(), command),
            _rolled_back,
            pb.RollbackModelResponse,
        )


def _nothing(_: Change) -> pb.DeleteModelResponse:
    return pb.DeleteModelResponse()


def _confirmed(confirmed: Confirmed) -> pb.ConfirmVersionUploadResponse:
    return pb.ConfirmVersionUploadResponse(version=convert.version_to_pb(confirmed.version))


def _promoted(promoted: Promoted) -> pb.PromoteVersionResponse:
    return pb.PromoteVersionResponse(
        version=convert.version_to_pb(promoted.version),
        demoted_version=convert.version_to_pb(promoted.demoted) if promoted.demoted else None,
    )


def _rolled_back(promoted: Promoted) -> pb.RollbackModelResponse:
    return pb.RollbackModelResponse(
        version=convert.version_to_pb(promoted.version),
        demoted_version=convert.version_to_pb(promoted.demoted) if promoted.demoted else None,
    )
