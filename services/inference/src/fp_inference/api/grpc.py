"""forgepoint.inference.v1.InferenceGatewayService."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Any

import grpc
from forgepoint.inference.v1 import inference_pb2 as pb
from forgepoint.inference.v1.inference_pb2_grpc import InferenceGatewayServiceServicer
from fp_kernel import Clock, Command, invalid, new_id, next_token, page_request
from fp_kernel.tensors import Tensor
from fp_rpc import Call, caller, command, current_call
from fp_rpc.headers import REPLAYED
from fp_rpc.pagination import page_response

from fp_inference.api.batches import answer_to_pb, items_from_pb
from fp_inference.api.convert import (
    TENSORS,
    circuit_to_pb,
    model_info_to_pb,
    prediction_to_pb,
    route_to_pb,
    routes_to_pb,
)
from fp_inference.api.policies import report_to_pb
from fp_inference.api.route_changes import RouteChanges, named
from fp_inference.app.admission import Admission
from fp_inference.app.circuits import Circuits
from fp_inference.app.describe_model import DescribeModel
from fp_inference.app.fresh_routes import FreshRoutes
from fp_inference.app.limits import Limits
from fp_inference.app.predict import Predict, command_id
from fp_inference.app.predict_many import PredictMany
from fp_inference.app.route_report import ReportRoute
from fp_inference.app.route_table import RouteTable
from fp_inference.app.values import Ask, Caller, Prediction
from fp_inference.domain.rule_plan import check_attributes

Context = grpc.aio.ServicerContext[Any, Any]

_PIN = "deployments:write"
_LONGEST_STICKY_KEY = 1_024
_MOST_IN_BATCH = 256
_MOST_IN_STREAM = 10_000
# Bytes of a page: rules may be large, and nobody else is answered while they are encoded.
_MOST_OF_ROUTES = 1024 * 1024
# What a batch keeps of its time for the way back, so that late items do not take the others with them.
_WAY_BACK = 0.25
_WAY_BACK_SHARE = 0.1

_NO_ATTRIBUTES: Mapping[str, str] = {}

_LIMIT_HEADERS = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset")

_AnyPredict = pb.PredictRequest | pb.BatchPredictRequest | pb.StreamPredictRequest


class Servicer(InferenceGatewayServiceServicer):
    def __init__(
        self,
        *,
        predict: Predict,
        predict_many: PredictMany,
        admission: Admission,
        changes: RouteChanges,
        report: ReportRoute,
        circuits: Circuits,
        describe: DescribeModel,
        table: RouteTable,
        fresh: FreshRoutes,
        limits: Limits,
        clock: Clock,
    ) -> None:
        self._predict = predict
        self._predict_many = predict_many
        self._admission = admission
        self._changes = changes
        self._report = report
        self._circuits = circuits
        self._describe = describe
        self._table = table
        self._fresh = fresh
        self._limits = limits
        self._clock = clock

    async def Predict(self, request: pb.PredictRequest, context: Context) -> Any:
        call = current_call()
        known = command(request, prediction_to_pb, call=call)
        encoded = _EncodedOnce(known.encode)
        if known.key:
            known = replace(known, encode=encoded)
        ask = self._ask(request, call, known, TENSORS.all_from_pb(request.inputs))
        if request.output_names:
            ask = replace(ask, outputs=tuple(request.output_names))
        try:
            return encoded(await self._predict(ask))
        finally:
            self._send_limit(context, ask.caller)

    async def BatchPredict(self, request: pb.BatchPredictRequest, context: Context) -> pb.BatchPredictResponse:
        whole = self._whole(request)
        items = items_from_pb(request.items, _MOST_IN_BATCH, whole)
        answers = {}
        try:
            async for answer in self._predict_many(items, whole):
                answers[answer.item_id] = answer
        finally:
            again = len(answers) == len(items) and all(isinstance(answer.outcome, bytes) for answer in answers.values())
            self._send_limit(context, whole.caller, *(((REPLAYED, "true"),) if again else ()))
        results = [answer_to_pb(answers[item.item_id]) for item in items]
        return pb.BatchPredictResponse(results=results, request_id=answers[items[0].item_id].request_id)

    async def StreamPredict(
        self, request: pb.StreamPredictRequest, context: Context
    ) -> AsyncIterator[pb.StreamPredictResponse]:
        whole = self._whole(request)
        items = items_from_pb(request.items, _MOST_IN_STREAM, whole)
        try:
            async with aclosing(self._predict_many(items, whole)) as answers:
                async for answer in answers:
                    yield pb.StreamPredictResponse(result=answer_to_pb(answer), request_id=answer.request_id)
        finally:
            self._send_limit(context, whole.caller)

    async def GetRoute(self, request: pb.GetRouteRequest, context: Context) -> pb.GetRouteResponse:
        team, model_name = caller().team, named(request.model_name)
        route = await self._fresh.read(team, model_name, partial(self._table.get, team, model_name))
        return pb.GetRouteResponse(route=route_to_pb(route))

    async def ListRoutes(self, request: pb.ListRoutesRequest, context: Context) -> pb.ListRoutesResponse:
        team = caller().team
        scope = (team, "routes")
        page = page_request(request.pagination.page_size, request.pagination.page_token, scope=scope)
        after = page.after[0] if page.after else ""
        routes = [route for route in self._table.of_team(team) if route.model_name > after]
        shown = routes_to_pb(routes[: page.size], _MOST_OF_ROUTES)
        token = next_token((shown[-1].model_name,), scope=scope) if len(routes) > len(shown) else ""
        return pb.ListRoutesResponse(routes=shown, pagination=page_response(token))

    async def SetTrafficSplit(self, request: pb.SetTrafficSplitRequest, context: Context) -> pb.SetTrafficSplitResponse:
        return await self._changes.split(request)

    async def UpsertRoute(self, request: pb.UpsertRouteRequest, context: Context) -> pb.UpsertRouteResponse:
        return await self._changes.upsert(request)

    async def SetRoutingRules(self, request: pb.SetRoutingRulesRequest, context: Context) -> pb.SetRoutingRulesResponse:
        return await self._changes.rules(request)

    async def SetShadow(self, request: pb.SetShadowRequest, context: Context) -> pb.SetShadowResponse:
        return await self._changes.shadow(request)

    async def GetRouteReport(self, request: pb.GetRouteReportRequest, context: Context) -> pb.GetRouteReportResponse:
        return report_to_pb(await self._report(caller().team, named(request.model_name)))

    async def DeleteRoute(self, request: pb.DeleteRouteRequest, context: Context) -> pb.DeleteRouteResponse:
        return await self._changes.delete(request)

    async def GetCircuitState(self, request: pb.GetCircuitStateRequest, context: Context) -> pb.GetCircuitStateResponse:
        model_name = named(request.model_name)
        if not request.version:
            raise invalid("version", "is missing")
        standing = await self._circuits.of(caller().team, model_name, request.version)
        return pb.GetCircuitStateResponse(circuit_state=circuit_to_pb(standing))

    async def ListCircuitStates(
        self, request: pb.ListCircuitStatesRequest, context: Context
    ) -> pb.ListCircuitStatesResponse:
        team = caller().team
        scope = (team, "circuits", request.model_name_filter)
        page = page_request(request.pagination.page_size, request.pagination.page_token, scope=scope)
        after = (page.after[0], page.after[1]) if page.after and len(page.after) > 1 else ("", "")
        standings = await self._circuits.of_team(team, request.model_name_filter)
        rest = [each for each in standings if (each.model_name, each.target.version_id) > after]
        shown = rest[: page.size]
        more = len(rest) > len(shown)
        token = next_token((shown[-1].model_name, shown[-1].target.version_id), scope=scope) if more else ""
        return pb.ListCircuitStatesResponse(
            circuit_states=map(circuit_to_pb, shown),
            pagination=page_response(token),
        )

    async def GetModelInfo(self, request: pb.GetModelInfoRequest, context: Context) -> pb.GetModelInfoResponse:
        described = await self._describe(caller().team, named(request.model_name))
        return pb.GetModelInfoResponse(model_info=model_info_to_pb(described))

    def _whole(self, request: pb.BatchPredictRequest | pb.StreamPredictRequest) -> Ask:
        """What the items of a request share."""
        call = current_call()
        ask = self._ask(request, call, command(request, _nothing, call=call), {})
        return replace(ask, deadline=call.deadline - min(_WAY_BACK, _WAY_BACK_SHARE * call.remaining()))

    def _send_limit(self, context: Context, caller: Caller, *more: tuple[str, str]) -> None:
        standing = self._admission.standing(caller)
        limits = (standing.limit, standing.remaining, standing.reset)
        context.set_trailing_metadata((*zip(_LIMIT_HEADERS, map(str, limits), strict=True), *more))

    def _ask(self, request: _AnyPredict, call: Call, known: Command, inputs: Mapping[str, Tensor]) -> Ask:
        if len(request.sticky_key) > _LONGEST_STICKY_KEY:
            raise invalid("sticky_key", f"must be at most {_LONGEST_STICKY_KEY} characters")
        attributes = dict(request.attributes) if request.attributes else _NO_ATTRIBUTES
        if attributes:
            check_attributes(attributes)
        now = self._clock.now()
        today = now.date()
        return Ask(
            request_id=command_id(known, today) if known.key else new_id(now),
            caller=self._caller(),
            model_name=named(request.model_name),
            inputs=inputs,
            version_override=request.version_override,
            sticky_key=request.sticky_key,
            command=known,
            deadline=call.deadline,
            day=today,
            attributes=attributes,
        )

    def _caller(self) -> Caller:
        who = caller()
        return Caller(
            team=who.team,
            user_id=who.user_id,
            api_key_id=who.api_key_id,
            name=f"{who.team}/{who.api_key_id or who.user_id}",
            limit=self._limits.of(who.role, who.key_limits.predictions_per_second),
            may_pin=who.may(_PIN),
            in_flight=who.key_limits.predictions_in_flight or None,
        )


class _EncodedOnce:
    """An answer that is stored for a repetition goes out as the same bytes."""

    __slots__ = ("_bytes", "_encode", "_prediction")

    def __init__(self, encode: Callable[[Any], bytes]) -> None:
        self._encode = encode
        self._prediction: Prediction | None = None

    def __call__(self, prediction: Prediction) -> bytes:
        if prediction is not self._prediction:
            self._prediction, self._bytes = prediction, self._encode(prediction)
        return self._bytes


def _nothing(_: Any) -> Any:
    raise AssertionError("a batch is kept by its items")
