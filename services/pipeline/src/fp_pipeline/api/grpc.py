"""PipelineOrchestratorService over gRPC: messages in, use-case, messages out."""

from collections.abc import AsyncIterator, Iterable
from typing import Final

from forgepoint.pipeline.v1 import pipeline_pb2 as pb
from forgepoint.pipeline.v1 import pipeline_pb2_grpc
from fp_kernel import PermissionDenied, invalid, parse_id
from fp_rpc import caller, command, expected_revision, principal
from fp_telemetry import correlation_id, inject

from fp_pipeline.api import convert, promotions, runtimes
from fp_pipeline.api.structs import from_struct
from fp_pipeline.app.cancel_execution import CancelExecution
from fp_pipeline.app.change_pipeline import DeletePipeline, UpdatePipeline
from fp_pipeline.app.create_pipeline import CreatePipeline
from fp_pipeline.app.peers import Actor
from fp_pipeline.app.promotions import RollBackPromotion
from fp_pipeline.app.queries import Queries
from fp_pipeline.app.scale_deployment import ScaleDeployment, Wanted
from fp_pipeline.app.step_logs import StreamStepLogs
from fp_pipeline.app.trigger_execution import TriggerExecution
from fp_pipeline.app.version_runtimes import VersionRuntimes
from fp_pipeline.app.watch_execution import WatchExecution
from fp_pipeline.domain.definition import JsonObject
from fp_pipeline.domain.execution import Cause
from fp_pipeline.domain.secrets import references

READ_SECRETS: Final = "secrets:read"


class PipelineServicer(pipeline_pb2_grpc.PipelineOrchestratorServiceServicer):
    def __init__(
        self,
        *,
        create_pipeline: CreatePipeline,
        update_pipeline: UpdatePipeline,
        delete_pipeline: DeletePipeline,
        trigger_execution: TriggerExecution,
        cancel_execution: CancelExecution,
        watch_execution: WatchExecution,
        step_logs: StreamStepLogs,
        roll_back: RollBackPromotion,
        queries: Queries,
        version_runtimes: VersionRuntimes,
        scale_deployment: ScaleDeployment,
    ) -> None:
        self._create_pipeline = create_pipeline
        self._update_pipeline = update_pipeline
        self._delete_pipeline = delete_pipeline
        self._trigger_execution = trigger_execution
        self._cancel_execution = cancel_execution
        self._watch_execution = watch_execution
        self._step_logs = step_logs
        self._roll_back = roll_back
        self._queries = queries
        self._runtimes = version_runtimes
        self._scale_deployment = scale_deployment

    async def CreatePipeline(self, request: pb.CreatePipelineRequest, context: object) -> pb.CreatePipelineResponse:
        draft = convert.draft_from_pb(request)
        _may_refer(step.config for step in draft.steps)
        created = command(request, convert.created_to_pb)
        return convert.created_to_pb(await self._create_pipeline(_actor(), draft, created))

    async def GetPipeline(self, request: pb.GetPipelineRequest, context: object) -> pb.GetPipelineResponse:
        if request.name:
            if request.pipeline_id:
                raise invalid("name", "give an id or a name, not both")
            found = await self._queries.pipeline_named(caller().team, request.name)
        else:
            found = await self._queries.pipeline(caller().team, parse_id(request.pipeline_id, "pipeline_id"))
        return pb.GetPipelineResponse(pipeline=convert.pipeline_to_pb(found))

    async def ListPipelines(self, request: pb.ListPipelinesRequest, context: object) -> pb.ListPipelinesResponse:
        kind = convert.pipeline_type_from_pb(request.type_filter, "type_filter")
        size, token = request.pagination.page_size, request.pagination.page_token
        page = await self._queries.pipelines(caller().team, kind, size, token)
        return convert.pipelines_to_pb(page)

    async def UpdatePipeline(self, request: pb.UpdatePipelineRequest, context: object) -> pb.UpdatePipelineResponse:
        change = convert.change_from_pb(request)
        _may_refer(step.config for step in change.steps or ())
        pipeline_id = parse_id(request.pipeline_id, "pipeline_id")
        updated = command(request, convert.updated_to_pb)
        expected = expected_revision(request)
        changed = await self._update_pipeline(_actor(), pipeline_id, change, updated, expected=expected)
        return convert.updated_to_pb(changed)

    async def DeletePipeline(self, request: pb.DeletePipelineRequest, context: object) -> pb.DeletePipelineResponse:
        pipeline_id = parse_id(request.pipeline_id, "pipeline_id")
        expected, deleted = expected_revision(request), command(request, convert.deleted_to_pb)
        await self._delete_pipeline(_actor(), pipeline_id, deleted, expected=expected)
        return pb.DeletePipelineResponse()

    async def TriggerExecution(
        self, request: pb.TriggerExecutionRequest, context: object
    ) -> pb.TriggerExecutionResponse:
        given = from_struct(request.input, "input")
        _may_refer([given])
        triggered = await self._trigger_execution(
            _actor(),
            parse_id(request.pipeline_id, "pipeline_id"),
            given,
            _cause(),
            command(request, convert.triggered_to_pb),
        )
        return convert.triggered_to_pb(triggered)

    async def GetExecution(self, request: pb.GetExecutionRequest, context: object) -> pb.GetExecutionResponse:
        execution_id = parse_id(request.execution_id, "execution_id")
        found = await self._queries.execution(caller().team, execution_id)
        return pb.GetExecutionResponse(execution=convert.execution_to_pb(found))

    async def ListExecutions(self, request: pb.ListExecutionsRequest, context: object) -> pb.ListExecutionsResponse:
        pipeline_id = parse_id(request.pipeline_id, "pipeline_id") if request.pipeline_id else ""
        status = convert.status_from_pb(request.status_filter, "status_filter")
        size, token = request.pagination.page_size, request.pagination.page_token
        page = await self._queries.executions(caller().team, pipeline_id, status, size, token)
        return convert.executions_to_pb(page)

    async def WatchExecution(
        self, request: pb.WatchExecutionRequest, context: object
    ) -> AsyncIterator[pb.WatchExecutionResponse]:
        sightings = self._watch_execution(
            caller().team,
            parse_id(request.execution_id, "execution_id"),
            after_sequence=request.after_sequence or (0 if request.from_start else None),
            include_current_state=request.include_current_state,
        )
        async for sighting in sightings:
            yield convert.sighting_to_pb(sighting)

    async def CancelExecution(self, request: pb.CancelExecutionRequest, context: object) -> pb.CancelExecutionResponse:
        execution_id = parse_id(request.execution_id, "execution_id")
        asked = command(request, convert.cancelled_to_pb)
        return convert.cancelled_to_pb(await self._cancel_execution(_actor(), execution_id, request.reason, asked))

    async def GetVersionStatistics(
        self, request: pb.GetVersionStatisticsRequest, context: object
    ) -> pb.GetVersionStatisticsResponse:
        last = promotions.last(request)
        found = await self._queries.statistics_of(caller().team, promotions.model(request.model_name), last)
        return promotions.statistics_to_pb(found)

    async def GetPromotion(self, request: pb.GetPromotionRequest, context: object) -> pb.GetPromotionResponse:
        found = await self._queries.promotion(caller().team, promotions.model(request.model_name))
        return pb.GetPromotionResponse(promotion=promotions.promotion_to_pb(found))

    async def RollbackPromotion(
        self, request: pb.RollbackPromotionRequest, context: object
    ) -> pb.RollbackPromotionResponse:
        model, reason = promotions.model(request.model_name), promotions.reason(request.reason)
        asked = command(request, promotions.rolled_back_to_pb)
        return promotions.rolled_back_to_pb(await self._roll_back(_actor(), model, reason, asked))

    async def ListVersionRuntimes(
        self, request: pb.ListVersionRuntimesRequest, context: object
    ) -> pb.ListVersionRuntimesResponse:
        found = await self._runtimes.of_model(_actor(), promotions.model(request.model_name))
        return runtimes.listed_to_pb(found)

    async def ScaleDeployment(self, request: pb.ScaleDeploymentRequest, context: object) -> pb.ScaleDeploymentResponse:
        model, version = promotions.model(request.model_name), promotions.version(request.version)
        wanted = Wanted(request.min_replicas, request.max_replicas, request.target_percent)
        asked = command(request, runtimes.scaled_to_pb)
        return runtimes.scaled_to_pb(await self._scale_deployment(_actor(), model, version, wanted, asked))

    async def LoadVersion(self, request: pb.LoadVersionRequest, context: object) -> pb.LoadVersionResponse:
        model = promotions.model(request.model_name)
        found = await self._runtimes.load(_actor(), model, promotions.version(request.version))
        return pb.LoadVersionResponse(runtime=runtimes.to_pb(found))

    async def UnloadVersion(self, request: pb.UnloadVersionRequest, context: object) -> pb.UnloadVersionResponse:
        model, why = promotions.model(request.model_name), promotions.reason(request.reason)
        found = await self._runtimes.unload(_actor(), model, promotions.version(request.version), why)
        return pb.UnloadVersionResponse(runtime=runtimes.to_pb(found))

    async def ListDeployments(self, request: pb.ListDeploymentsRequest, context: object) -> pb.ListDeploymentsResponse:
        if request.team or request.model_name:
            for field in ("team", "model_name"):
                if not getattr(request, field):
                    raise invalid(field, "is missing: team and model name go together")
            return convert.deployments_to_pb(await self._queries.deployments_of(request.team, request.model_name))
        page = await self._queries.deployments(request.pagination.page_size, request.pagination.page_token)
        return convert.deployments_to_pb(page)

    async def StreamStepLogs(
        self, request: pb.StreamStepLogsRequest, context: object
    ) -> AsyncIterator[pb.StreamStepLogsResponse]:
        lines = self._step_logs(
            caller().team,
            parse_id(request.execution_id, "execution_id"),
            request.step_id,
            after_line=request.after_line,
            follow=request.follow,
        )
        async for line in lines:
            yield convert.line_to_pb(line)


def _may_refer(documents: Iterable[JsonObject]) -> None:
    """A key that may only write pipelines would otherwise read every secret by a job of its own.

    Raises PermissionDenied.
    """
    if any(references(each) for each in documents) and not principal().may(READ_SECRETS):
        raise PermissionDenied(f"{READ_SECRETS} is required to refer to secrets", reason="PERMISSION_MISSING")


def _actor() -> Actor:
    who = caller()
    return Actor(who.team, who.user_id)


def _cause() -> Cause:
    trace: dict[str, str] = {}
    inject(trace)
    return Cause(triggered_by=principal().user_id, correlation_id=correlation_id.get(""), trace=trace)
