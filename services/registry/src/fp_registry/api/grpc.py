"""forgepoint.registry.v1.RegistryService: reads; commands are in `commands`."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from forgepoint.common.v1 import common_pb2
from forgepoint.registry.v1 import registry_pb2 as pb
from fp_kernel import PageRequest, invalid, is_id, page_request, parse_id
from fp_rpc import caller, current_call
from fp_rpc.headers import POSITION
from fp_rpc.pagination import page_response_after
from fp_rpc.times import from_timestamp, to_timestamp

from fp_registry.api import convert
from fp_registry.api.command_runner import Context
from fp_registry.api.commands import CommandServicer
from fp_registry.api.read_model import read_model, read_version
from fp_registry.app.positions import Position, parse_positions
from fp_registry.app.queries import Queries
from fp_registry.app.read_ports import EnsembleFilter, ModelFilter, ModelRef, VersionRef
from fp_registry.app.refusals import no_model
from fp_registry.app.urls import ArtifactUrls, lifetime
from fp_registry.domain import text

_TOKEN = "pagination.page_token"  # noqa: S105 -- the name of a field


class RegistryServicer(CommandServicer):
    """Commands write Postgres, reads come from the projection."""

    def __init__(self, *, queries: Queries, urls: ArtifactUrls, **commands: Any) -> None:
        super().__init__(urls=urls, **commands)
        self._read = queries
        self._urls = urls

    async def GetModel(self, request: pb.GetModelRequest, context: Context) -> pb.GetModelResponse:
        if not request.id and not request.name:
            raise invalid("id", "give an id or a name")
        ref = ModelRef(id=_id_of_a_model(request.id)) if request.id else ModelRef(name=request.name)
        if ref.name:
            text.check_model_name(ref.name, "name")
        return pb.GetModelResponse(model=read_model(await self._read.model(caller().team, ref, _positions())))

    async def ListModels(self, request: pb.ListModelsRequest, context: Context) -> pb.ListModelsResponse:
        text.check_label(request.framework_filter, "framework_filter")
        text.check_label(request.task_type_filter, "task_type_filter")
        wanted = ModelFilter(
            framework=request.framework_filter, task_type=request.task_type_filter, archived=request.include_archived
        )
        team = caller().team
        scope = (team, "models", wanted.framework, wanted.task_type, str(wanted.archived))
        rows = await self._read.models(team, wanted, _page_by_id(request.pagination, scope), _positions())
        pagination = page_response_after(rows.after, scope)
        if request.with_total:
            pagination.total_count = await self._read.count(team, wanted, _positions())
        return pb.ListModelsResponse(models=map(read_model, rows.documents), pagination=pagination)

    async def SearchByTag(self, request: pb.SearchByTagRequest, context: Context) -> pb.SearchByTagResponse:
        text.check_label(request.key, "key", text.MAX_TAG_KEY, required=True)
        text.check_label(request.value, "value", text.MAX_TAG_VALUE)
        team = caller().team
        scope = (team, "tag", request.key, request.value)
        wanted = ModelFilter(tag=(request.key, request.value))
        rows = await self._read.models(team, wanted, _page_by_id(request.pagination, scope), _positions())
        return pb.SearchByTagResponse(
            models=map(read_model, rows.documents), pagination=page_response_after(rows.after, scope)
        )

    async def GetVersion(self, request: pb.GetVersionRequest, context: Context) -> pb.GetVersionResponse:
        team, ref = caller().team, _version_ref(request)
        if request.current:
            found = await self._read.current_version(team, ref)
        else:
            found = await self._read.version(team, ref, _positions())
        version, has_baseline = read_version(found)
        if has_baseline:
            version.baseline_profile.ParseFromString(await self._read.baseline(team, version.id))
        return pb.GetVersionResponse(version=version)

    async def ListVersions(self, request: pb.ListVersionsRequest, context: Context) -> pb.ListVersionsResponse:
        model_id = parse_id(request.model_id, "model_id")
        stage = convert.stage_filter(request.stage_filter, "stage_filter")
        team = caller().team
        scope = (team, "versions", model_id, stage or "")
        rows = await self._read.versions(
            team, model_id, stage, _page_by_number(request.pagination, scope), _positions()
        )
        versions = [read_version(document)[0] for document in rows.documents]
        return pb.ListVersionsResponse(versions=versions, pagination=page_response_after(rows.after, scope))

    async def ListEnsembles(self, request: pb.ListEnsemblesRequest, context: Context) -> pb.ListEnsemblesResponse:
        if bool(request.version_id) == bool(request.model_id):
            raise invalid("version_id", "give a version_id or a model_id")
        team = caller().team
        if request.version_id:
            wanted = EnsembleFilter(version_id=parse_id(request.version_id, "version_id"))
            await self._read.version(team, VersionRef(id=wanted.version_id), _positions())
        else:
            wanted = EnsembleFilter(model_id=parse_id(request.model_id, "model_id"))
            await self._read.model(team, ModelRef(id=wanted.model_id), _positions())
        wanted = replace(wanted, archived=request.include_archived)
        scope = (team, "ensembles", wanted.version_id, wanted.model_id, str(wanted.archived))
        found, after = await self._read.ensembles(team, wanted, _page_by_id(request.pagination, scope))
        ensembles = map(convert.ensemble_to_pb, found)
        return pb.ListEnsemblesResponse(ensembles=ensembles, pagination=page_response_after(after, scope))

    async def GetUploadURL(self, request: pb.GetUploadURLRequest, context: Context) -> pb.GetUploadURLResponse:
        version_id = parse_id(request.version_id, "version_id")
        upload = await self._urls.upload(version_id, lifetime(request.ttl_seconds, "ttl_seconds"), caller())
        return pb.GetUploadURLResponse(upload_url=upload.url, upload_url_expires_at=to_timestamp(upload.expires_at))

    async def GetDownloadURL(self, request: pb.GetDownloadURLRequest, context: Context) -> pb.GetDownloadURLResponse:
        version_id = parse_id(request.version_id, "version_id")
        ttl = lifetime(request.ttl_seconds, "ttl_seconds")
        download, digest = await self._urls.download(version_id, ttl, caller())
        return pb.GetDownloadURLResponse(
            download_url=download.url, expires_at=to_timestamp(download.expires_at), artifact_digest=digest
        )

    async def GetProductionHistory(
        self,
        request: pb.GetProductionHistoryRequest,
        context: Context,
    ) -> pb.GetProductionHistoryResponse:
        model_id = parse_id(request.model_id, "model_id")
        team = caller().team
        if request.HasField("at"):
            held = await self._read.history_at(team, model_id, from_timestamp(request.at, "at"))
            return pb.GetProductionHistoryResponse(
                tenures=map(convert.tenure_to_pb, held), pagination=page_response_after("", ())
            )
        scope = (team, "history", model_id)
        tenures, after = await self._read.history(team, model_id, _page_by_number(request.pagination, scope))
        return pb.GetProductionHistoryResponse(
            tenures=map(convert.tenure_to_pb, tenures), pagination=page_response_after(after, scope)
        )


def _id_of_a_model(text: str) -> str:
    """Raises NotFound for a text that is no id: people try a name here, and the contract's clients expect a miss."""
    if not is_id(text):
        raise no_model()
    return parse_id(text, "id")


def _version_ref(request: pb.GetVersionRequest) -> VersionRef:
    """Raises InvalidArgument when the request names no version or names it twice."""
    if request.id:
        return VersionRef(id=parse_id(request.id, "id"))
    if not request.model_id:
        raise invalid("id", "give an id, or a model_id with a version or a stage")
    model_id = parse_id(request.model_id, "model_id")
    stage = convert.stage_filter(request.stage, "stage")
    if request.version and stage:
        raise invalid("stage", "give a version or a stage, not both")
    if request.version:
        text.check_version_name(request.version, "version")
        return VersionRef(model_id=model_id, name=request.version)
    if stage:
        return VersionRef(model_id=model_id, stage=stage)
    raise invalid("version", "give a version or a stage with the model_id")


def _page_by_id(pagination: common_pb2.PaginationRequest, scope: Sequence[str]) -> PageRequest:
    """Pages of models. Tokens are bound, not signed: what they hold is checked like any other input."""
    page = page_request(pagination.page_size, pagination.page_token, scope=scope)
    if page.after:
        parse_id(page.after[0], _TOKEN)
    return page


def _page_by_number(pagination: common_pb2.PaginationRequest, scope: Sequence[str]) -> PageRequest:
    page = page_request(pagination.page_size, pagination.page_token, scope=scope)
    if page.after and not (
        page.after[0].isascii() and page.after[0].isdecimal() and len(page.after[0]) < text.MAX_VERSION_DIGITS
    ):
        raise invalid(_TOKEN, "is not a token of this list")
    return page


def _positions() -> Sequence[Position]:
    """The writes that this read must see. Raises InvalidArgument."""
    return parse_positions(current_call().metadata.get(POSITION, ""))
