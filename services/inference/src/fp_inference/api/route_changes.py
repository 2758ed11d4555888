"""Changes of routes, each a command that a retry repeats once."""

from forgepoint.inference.v1 import inference_pb2 as pb
from fp_kernel import invalid
from fp_rpc import caller, command, expected_revision

from fp_inference.api.convert import route_to_pb
from fp_inference.api.policies import rules_from_pb, weights_from_pb
from fp_inference.app.change_route import Change, ChangeRoute
from fp_inference.app.delete_route import DeleteRoute
from fp_inference.app.replays import Replays
from fp_inference.app.set_policies import SetRoutingRules, SetShadow
from fp_inference.app.set_traffic_split import SetTrafficSplit
from fp_inference.app.upsert_route import UpsertRoute
from fp_inference.domain.routes import Route

_AnyChange = (
    pb.SetTrafficSplitRequest
    | pb.UpsertRouteRequest
    | pb.SetRoutingRulesRequest
    | pb.SetShadowRequest
    | pb.DeleteRouteRequest
)


class RouteChanges:
    def __init__(self, change: ChangeRoute, replays: Replays) -> None:
        self._set_traffic_split = SetTrafficSplit(change, replays)
        self._upsert_route = UpsertRoute(change, replays)
        self._set_routing_rules = SetRoutingRules(change, replays)
        self._set_shadow = SetShadow(change, replays)
        self._delete_route = DeleteRoute(change, replays)

    async def split(self, request: pb.SetTrafficSplitRequest) -> pb.SetTrafficSplitResponse:
        def response(route: Route) -> pb.SetTrafficSplitResponse:
            return pb.SetTrafficSplitResponse(route=route_to_pb(route))

        weights, asked = weights_from_pb(request.weights), command(request, response)
        return response(await self._set_traffic_split(_change(request), weights, asked, salt=request.salt))

    async def upsert(self, request: pb.UpsertRouteRequest) -> pb.UpsertRouteResponse:
        def response(route: Route) -> pb.UpsertRouteResponse:
            return pb.UpsertRouteResponse(route=route_to_pb(route))

        route = await self._upsert_route(
            _change(request),
            weights_from_pb(request.targets),
            command(request, response),
            rules=rules_from_pb(request.rules.rules) if request.HasField("rules") else None,
            shadow=_shadow(request.shadow) if request.HasField("shadow") else None,
        )
        return response(route)

    async def rules(self, request: pb.SetRoutingRulesRequest) -> pb.SetRoutingRulesResponse:
        def response(route: Route) -> pb.SetRoutingRulesResponse:
            return pb.SetRoutingRulesResponse(route=route_to_pb(route))

        wanted, asked = rules_from_pb(request.rules), command(request, response)
        return response(await self._set_routing_rules(_change(request), wanted, asked))

    async def shadow(self, request: pb.SetShadowRequest) -> pb.SetShadowResponse:
        def response(route: Route) -> pb.SetShadowResponse:
            return pb.SetShadowResponse(route=route_to_pb(route))

        asked = command(request, response)
        return response(await self._set_shadow(_change(request), *_shadow(request.shadow), asked))

    async def delete(self, request: pb.DeleteRouteRequest) -> pb.DeleteRouteResponse:
        await self._delete_route(_change(request), command(request, lambda _: pb.DeleteRouteResponse()))
        return pb.DeleteRouteResponse()


def named(name: str) -> str:
    """The model that a request names. Raises InvalidArgument."""
    if not name:
        raise invalid("model_name", "is missing")
    return name


def _change(request: _AnyChange) -> Change:
    who = caller()
    return Change(who.team, named(request.model_name), who.user_id, expected_revision(request))


def _shadow(shadow: pb.Shadow) -> tuple[str, int]:
    return shadow.version, shadow.share_bps
