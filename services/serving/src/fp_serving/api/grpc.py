"""forgepoint.serving.v1.ModelServingService; callers are services, the access rules say so."""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import grpc
from forgepoint.common.v1.common_pb2 import PaginationResponse
from forgepoint.serving.v1 import serving_pb2 as pb
from forgepoint.serving.v1.serving_pb2_grpc import ModelServingServiceServicer
from fp_kernel import Clock, Error, NotFound, invalid
from fp_kernel.pages import next_token, page_request
from fp_rpc import caller, current_call
from fp_rpc.times import to_duration, to_timestamp

from fp_serving.api.convert import (
    STATES,
    TENSORS,
    answer_to_pb,
    asked_from_pb,
    error_to_pb,
    info_to_pb,
    metrics_to_pb,
    status_to_pb,
    streamed_to_pb,
)
from fp_serving.app.in_company import in_company
from fp_serving.app.request_counts import RequestCounts
from fp_serving.app.residents import Residents
from fp_serving.app.session import Asked
from fp_serving.app.slot import Assignment
from fp_serving.domain.lifecycle import ModelState

# Messages of one stream that are answered at the same time.
_TOGETHER = 64

Context = grpc.aio.ServicerContext[Any, Any]


class Servicer(ModelServingServiceServicer):
    """link_port: where predictions are taken as frames too, once the server listens."""

    def __init__(
        self, residents: Residents, counts: RequestCounts, clock: Clock, *, link_port: Callable[[], int]
    ) -> None:
        self._residents = residents
        self._counts = counts
        self._clock = clock
        self._link_port = link_port

    # A call of a link has no context.
    async def Predict(self, request: pb.PredictRequest, context: Context | None) -> pb.PredictResponse:
        self._residents.check_team(caller().team)
        inputs = TENSORS.all_from_pb(request.inputs)
        answer = await self._residents.predict(asked_from_pb(request), inputs, deadline=current_call().deadline)
        return answer_to_pb(answer, request.correlation_id)

    async def StreamPredict(
        self, requests: AsyncIterator[pb.StreamPredictRequest], context: Context
    ) -> AsyncIterator[pb.StreamPredictResponse]:
        call = current_call()
        self._residents.check_team(caller().team)
        found = in_company(requests, lambda each: self._streamed(each, call.deadline), most=_TOGETHER)
        async with aclosing(found) as answers:
            async for answer in answers:
                yield answer

    async def _streamed(self, request: pb.StreamPredictRequest, deadline: float) -> pb.StreamPredictResponse:
        found = pb.StreamPredictResponse(idempotency_key=request.idempotency_key, correlation_id=request.correlation_id)
        try:
            inputs = TENSORS.all_from_pb(request.inputs)
            answer = await self._residents.predict(asked_from_pb(request), inputs, deadline=deadline)
        except Error as error:
            found.error.CopyFrom(error_to_pb(error))
            return found
        found.MergeFrom(streamed_to_pb(answer))
        return found

    async def GetModelInfo(self, request: pb.GetModelInfoRequest, context: Context) -> pb.GetModelInfoResponse:
        self._residents.check_team(caller().team)
        session = await self._residents.session(asked_from_pb(request), deadline=current_call().deadline)
        slot = session.slot
        return pb.GetModelInfoResponse(model_info=info_to_pb(slot.assignment.model_name, slot.loaded()))

    # Inference and the pipeline look after runtimes on nobody's behalf: who asks for the state may name no team.
    async def GetModelStatus(self, request: pb.GetModelStatusRequest, context: Context) -> pb.GetModelStatusResponse:
        self._residents.check_team(current_call().team)
        asked = asked_from_pb(request)
        try:
            status = status_to_pb(self._residents.find(asked), self._link_port())
        except NotFound:
            if not self._residents.shared:
                raise
            status = self._unknown(asked)
        return pb.GetModelStatusResponse(status=status)

    async def ListLoadedModels(
        self, request: pb.ListLoadedModelsRequest, context: Context
    ) -> pb.ListLoadedModelsResponse:
        self._residents.check_team(current_call().team)
        scope = (self._residents.team, str(request.state_filter))
        page = page_request(request.pagination.page_size, request.pagination.page_token, scope=scope)
        wanted = sorted(
            (
                each
                for each in self._residents.all
                if request.state_filter in (pb.MODEL_STATE_UNSPECIFIED, STATES[each.status.state])
                and (page.after is None or each.assignment.version_id > page.after[0])
            ),
            key=lambda each: each.assignment.version_id,
        )
        shown = wanted[: page.size]
        more = next_token((shown[-1].assignment.version_id,), scope=scope) if len(wanted) > page.size else ""
        return pb.ListLoadedModelsResponse(
            models=[status_to_pb(each, self._link_port()) for each in shown],
            pagination=PaginationResponse(next_page_token=more),
        )

    async def LoadModel(self, request: pb.LoadModelRequest, context: Context) -> pb.LoadModelResponse:
        self._residents.check_team(caller().team)
        for field in ("model_name", "version", "version_id"):
            if not getattr(request, field):
                raise invalid(field, "must not be empty")
        if request.artifact_uri:
            raise invalid("artifact_uri", "must be empty: artifacts come from where the registry says")
        team, digest = self._residents.team, request.expected_digest
        assignment = Assignment(team, request.version_id, request.model_name, digest)
        resident = self._residents.load(assignment, request.version)
        return pb.LoadModelResponse(status=status_to_pb(resident, self._link_port()))

    async def UnloadModel(self, request: pb.UnloadModelRequest, context: Context) -> pb.UnloadModelResponse:
        self._residents.check_team(caller().team)
        asked = asked_from_pb(request)
        if not request.model_name or not (request.version or request.version_id):
            raise invalid("model_name" if not request.model_name else "version", "must not be empty")
        try:
            resident = self._residents.find(asked)
        except NotFound:
            return pb.UnloadModelResponse(status=self._unknown(asked))
        await self._residents.unload(resident, request.reason)
        return pb.UnloadModelResponse(status=status_to_pb(resident, self._link_port()))

    async def HealthCheck(self, request: pb.HealthCheckRequest, context: Context) -> pb.HealthCheckResponse:
        self._residents.check_team(current_call().team)
        state = self._health(request.model_name)
        return pb.HealthCheckResponse(
            status=pb.HEALTH_STATUS_SERVING if state is ModelState.READY else pb.HEALTH_STATUS_NOT_SERVING,
            model_state=STATES[state],
            last_inference_latency=to_duration(self._counts.latencies.last),
        )

    async def GetServingMetrics(
        self, request: pb.GetServingMetricsRequest, context: Context
    ) -> pb.GetServingMetricsResponse:
        return pb.GetServingMetricsResponse(metrics=metrics_to_pb(self._counts, self._residents.memory_bytes))

    def _health(self, model_name: str) -> ModelState:
        """Of the model, or of the process when none is named: one that is shared needs none to be well."""
        if not model_name and self._residents.shared:
            return ModelState.READY
        if not model_name:
            return self._residents.find(Asked()).status.state
        states = [each.status.state for each in self._residents.all if each.assignment.model_name == model_name]
        if not states:
            return self._residents.find(Asked(model_name)).status.state
        return ModelState.READY if ModelState.READY in states else states[0]

    def _unknown(self, asked: Asked) -> pb.ModelStatus:
        """Of a version that this process does not know: not loaded; a process that is shared loads it when asked."""
        return pb.ModelStatus(
            model_name=asked.model_name,
            version=asked.version,
            version_id=asked.version_id,
            state=pb.MODEL_STATE_READY if self._residents.shared and not asked.model_name else pb.MODEL_STATE_UNLOADED,
            updated_at=to_timestamp(self._clock.now()),
            link_port=self._link_port(),
        )
