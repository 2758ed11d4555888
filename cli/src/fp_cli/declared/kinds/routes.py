"""Routes: how the traffic of a model is divided between its deployed versions."""

from collections.abc import Iterator
from typing import Any

from forgepoint.inference.v1 import inference_pb2 as pb
from forgepoint.inference.v1 import inference_pb2_grpc
from fp_kernel import NotFound
from google.protobuf.message import Message

from fp_cli.client import EVERYTHING, Client, idempotency_key
from fp_cli.declared.kind import ABSENT, Kind, Present, Spec


class Route(Kind):
    """Its name is the model's. A version without a share is not declared; rules and shadow that are not are ended."""

    name = "Route"
    message = pb.UpsertRouteRequest
    name_field = "model_name"

    def find(self, client: Client, name: str) -> Present | None:
        try:
            found = client.call(_stub(client).GetRoute, pb.GetRouteRequest(model_name=name)).route
        except NotFound:
            return None
        return Present(self._of(found), found.revision)

    def all(self, client: Client) -> Iterator[tuple[str, Spec]]:
        for route in client.pages(_stub(client).ListRoutes, pb.ListRoutesRequest(), "routes", EVERYTHING):
            yield route.model_name, self._of(route)

    def create(self, client: Client, name: str, spec: Spec) -> None:
        self.change(client, name, spec, ABSENT)

    def change(self, client: Client, name: str, spec: Spec, present: Present) -> None:
        request = self.request(name, spec)
        request.idempotency_key = idempotency_key("")
        request.expected_revision = present.revision
        # What is not declared is not there.
        request.rules.SetInParent()
        request.shadow.SetInParent()
        client.call(_stub(client).UpsertRoute, request)

    def delete(self, client: Client, name: str, present: Present) -> None:
        request = pb.DeleteRouteRequest(
            model_name=name, idempotency_key=idempotency_key(""), expected_revision=present.revision
        )
        client.call(_stub(client).DeleteRoute, request)

    def of(self, message: Message) -> Spec:
        """Only what a caller decides, in the order of the versions."""
        targets = [target for target in getattr(message, "targets") if target.weight_bps]  # noqa: B009 -- any message
        shares = [
            pb.RouteTarget(version=target.version, weight_bps=target.weight_bps)
            for target in sorted(targets, key=lambda target: str(target.version))
        ]
        rules: list[pb.RoutingRule] = [_in_one_form(rule) for rule in getattr(message, "rules").rules]  # noqa: B009
        shadow: pb.Shadow = getattr(message, "shadow")  # noqa: B009
        return super().of(pb.UpsertRouteRequest(targets=shares, rules=pb.RoutingRules(rules=rules), shadow=shadow))

    def _of(self, route: pb.Route) -> Spec:
        rules = pb.RoutingRules(rules=route.rules)
        return self.of(pb.UpsertRouteRequest(targets=route.targets, rules=rules, shadow=route.shadow))


def _in_one_form(rule: pb.RoutingRule) -> pb.RoutingRule:
    """As the platform answers it."""
    made = pb.RoutingRule()
    made.CopyFrom(rule)
    for match in made.matches:
        any_of = getattr(match, "in")
        values = sorted(set(any_of.values))
        if len(values) == 1:
            match.exact = values[0]
        elif values:
            any_of.values[:] = values
    return made


def _stub(client: Client) -> Any:
    return inference_pb2_grpc.InferenceGatewayServiceStub(client.channel)
