"""forgepoint.serving.v1.ModelServingService; callers are services, the access rules say so."""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import grpc
from forgepoint.serving.v1 import serving_pb2 as pb
from forgepoint.serving.v1.serving_pb2_grpc import ModelServingServiceServicer
from fp_kernel import Error
from fp_rpc import caller, current_call
from fp_rpc.times import to_duration

from fp_serving.api.convert import (
    STATES,
    TENSORS,
    error_to_pb,
    info_to_pb,
    status_to_pb,
)
from fp_serving.app.in_company import in_company
from fp_serving.app.predict import Predict
from fp_serving.app.request_counts import RequestCounts
from fp_serving.app.slot import Slot
from fp_serving.domain.lifecycle import ModelState

# Messages of one stream that are answered at the same time.
_TOGETHER = 64

Context = grpc.aio.ServicerContext[Any, Any]


class Servicer(ModelServingServiceServicer):
    """link_port: where predictions are taken as frames too, once the server listens."""

    def __init__(self, slot: Slot, predict: Predict, counts: RequestCounts, *, link_port: Callable[[], int]) -> None:
        self._slot = slot
        self._predict = predict
        self._counts = counts
        self._link_port = link_port

    # A call of a link has no context.
    async def Predict(self, request: pb.PredictRequest, context: Context | None) -> pb.PredictResponse:
        call = current_call()
        self._slot.check_address(caller().team, request.model_name, request.version)
        answer = await self._predict(TENSORS.all_from_pb(request.inputs), deadline=call.deadline)
        return pb.PredictResponse(
            outputs=TENSORS.all_to_pb(answer.outputs),
            model_version=answer.version,
            inference_latency=to_duration(answer.seconds),
            correlation_id=request.correlation_id,
        )

    async def StreamPredict(
        self, requests: AsyncIterator[pb.StreamPredictRequest], context: Context
    ) -> AsyncIterator[pb.StreamPredictResponse]:
        call = current_call()
        self._slot.check_address(caller().team, "", "")
        found = in_company(requests, lambda each: self._streamed(each, call.deadline), most=_TOGETHER)
        async with aclosing(found) as answers:
            async for answer in answers:
                yield answer

    async def _streamed(self, request: pb.StreamPredictRequest, deadline: float) -> pb.StreamPredictResponse:
        found = pb.StreamPredictResponse(idempotency_key=request.idempotency_key, correlation_id=request.correlation_id)
        try:
            answer = await self._predict(TENSORS.all_from_pb(request.inputs), deadline=deadline)
        except Error as error:
            found.error.CopyFrom(error_to_pb(error))
            return found
        found.MergeFrom(
            pb.StreamPredictResponse(
                outputs=TENSORS.all_to_pb(answer.outputs),
                model_version=answer.version,
                inference_latency=to_duration(answer.seconds),
            )
        )
        return found

    async def GetModelInfo(self, request: pb.GetModelInfoRequest, context: Context) -> pb.GetModelInfoResponse:
        self._slot.check_address(caller().team, request.model_name, request.version)
        info = info_to_pb(self._slot.assignment.model_name, self._slot.loaded())
        return pb.GetModelInfoResponse(model_info=info)

    # Inference and the pipeline look after runtimes on nobody's behalf: who asks for the state may name no team.
    async def GetModelStatus(self, request: pb.GetModelStatusRequest, context: Context) -> pb.GetModelStatusResponse:
        self._slot.check_address(current_call().team, request.model_name, request.version)
        return pb.GetModelStatusResponse(status=self._status())

    async def ListLoadedModels(
        self, request: pb.ListLoadedModelsRequest, context: Context
    ) -> pb.ListLoadedModelsResponse:
        status = self._status()
        wanted = request.state_filter in (pb.MODEL_STATE_UNSPECIFIED, status.state)
        return pb.ListLoadedModelsResponse(models=[status] if wanted else [])

    async def HealthCheck(self, request: pb.HealthCheckRequest, context: Context) -> pb.HealthCheckResponse:
        self._slot.check_address(current_call().team, request.model_name, "")
        state = self._slot.status.state
        ready = state is ModelState.READY
        return pb.HealthCheckResponse(
            status=pb.HEALTH_STATUS_SERVING if ready else pb.HEALTH_STATUS_NOT_SERVING,
            model_state=STATES[state],
            last_inference_latency=to_duration(self._counts.latencies.last),
        )

    async def GetServingMetrics(
        self, request: pb.GetServingMetricsRequest, context: Context
    ) -> pb.GetServingMetricsResponse:
        counts = self._counts
        memory = self._slot.memory_bytes
        return pb.GetServingMetricsResponse(
            metrics=pb.ServingMetrics(
                inflight_requests=counts.in_flight,
                total_requests=counts.total,
                failed_requests=counts.failed,
                p50_latency=to_duration(counts.latencies.quantile(0.5)),
                p99_latency=to_duration(counts.latencies.quantile(0.99)),
                model_memory_bytes=memory,
            )
        )

    def _status(self) -> pb.ModelStatus:
        facts = self._slot.facts
        status = status_to_pb(self._slot.assignment.model_name, facts.version if facts else "", self._slot.status)
        status.link_port = self._link_port()
        return status
