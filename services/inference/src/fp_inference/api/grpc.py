"""forgepoint.inference.v1.InferenceGatewayService; what is not here answers UNIMPLEMENTED."""

from typing import Any

import grpc
from forgepoint.common.v1.common_pb2 import PaginationResponse
from forgepoint.inference.v1 import inference_pb2 as pb
from forgepoint.inference.v1.inference_pb2_grpc import InferenceGatewayServiceServicer
from fp_kernel import Command, invalid, new_id, next_token, page_request
from fp_rpc import Call, command, current_call, principal

from fp_inference.api.convert import model_info_to_pb, prediction_to_pb, route_to_pb, tensors_from_pb
from fp_inference.app.describe_model import DescribeModel
from fp_inference.app.limits import Limits
from fp_inference.app.predict import Predict
from fp_inference.app.route_table import RouteTable
from fp_inference.app.set_traffic_split import SetTrafficSplit
from fp_inference.app.values import Ask, Caller
from fp_inference.domain.request_ids import request_id

Context = grpc.aio.ServicerContext[Any, Any]

_PIN = "deployments:write"
_LONGEST_STICKY_KEY = 1_024


class Servicer(InferenceGatewayServiceServicer):
    def __init__(
        self,
        *,
        predict: Predict,
        set_traffic_split: SetTrafficSplit,
        describe: DescribeModel,
        table: RouteTable,
        limits: Limits,
    ) -> None:
        self._predict = predict
        self._set_traffic_split = set_traffic_split
        self._describe = describe
        self._table = table
        self._limits = limits

    async def Predict(self, request: pb.PredictRequest, context: Context) -> pb.PredictResponse:
        call = current_call()
        known = command(request, prediction_to_pb, call=call)
        return prediction_to_pb(await self._predict(self._ask(request, call, known)))

    async def GetRoute(self, request: pb.GetRouteRequest, context: Context) -> pb.GetRouteResponse:
        route = self._table.get(current_call().team, _model_name(request.model_name))
        return pb.GetRouteResponse(route=route_to_pb(route))

    async def ListRoutes(self, request: pb.ListRoutesRequest, context: Context) -> pb.ListRoutesResponse:
        team = current_call().team
        scope = (team, "routes")
        page = page_request(request.pagination.page_size, request.pagination.page_token, scope=scope)
        after = page.after[0] if page.after else ""
        routes = [route for route in self._table.of_team(team) if route.model_name > after]
        shown = routes[: page.size]
        token = next_token((shown[-1].model_name,), scope=scope) if len(routes) > len(shown) else ""
        return pb.ListRoutesResponse(
            routes=map(route_to_pb, shown),
            pagination=PaginationResponse(next_page_token=token, total_count=-1),
        )

    async def SetTrafficSplit(self, request: pb.SetTrafficSplitRequest, context: Context) -> pb.SetTrafficSplitResponse:
        def response(route: Any) -> pb.SetTrafficSplitResponse:
            return pb.SetTrafficSplitResponse(route=route_to_pb(route))

        weights = [(weight.version, weight.weight_bps) for weight in request.weights]
        route = await self._set_traffic_split(
            current_call().team, _model_name(request.model_name), weights, command(request, response)
        )
        return response(route)

    async def GetModelInfo(self, request: pb.GetModelInfoRequest, context: Context) -> pb.GetModelInfoResponse:
        described = await self._describe(current_call().team, _model_name(request.model_name))
        return pb.GetModelInfoResponse(model_info=model_info_to_pb(described))

    def _ask(self, request: pb.PredictRequest, call: Call, known: Command) -> Ask:
        if len(request.sticky_key) > _LONGEST_STICKY_KEY:
            raise invalid("sticky_key", f"must be at most {_LONGEST_STICKY_KEY} characters")
        return Ask(
            request_id=request_id(known.team, known.rpc, known.key) if known.key else new_id(),
            caller=self._caller(),
            model_name=_model_name(request.model_name),
            inputs=tensors_from_pb(request.inputs),
            version_override=request.version_override,
            sticky_key=request.sticky_key,
            command=known,
            deadline=call.deadline,
        )

    def _caller(self) -> Caller:
        who = principal()
        return Caller(
            team=who.team,
            user_id=who.user_id,
            api_key_id=who.api_key_id,
            name=f"{who.team}/{who.api_key_id or who.user_id}",
            limit=self._limits.of(who.role),
            may_pin=who.may(_PIN),
        )


def _model_name(name: str) -> str:
    if not name:
        raise invalid("model_name", "is missing")
    return name
