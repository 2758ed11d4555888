"""Rate plans, and which team is on which."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from forgepoint.auth.v1 import teams_pb2, teams_pb2_grpc
from forgepoint.billing.v1 import billing_pb2 as pb
from forgepoint.billing.v1 import billing_pb2_grpc
from fp_kernel import NotFound

from fp_cli import names
from fp_cli.client import EVERYTHING, Client, idempotency_key
from fp_cli.declared.kind import ABSENT, Kind, Present, Spec

_LIMITS = ("predictions_per_second", "predictions_in_flight")
_MAPS = ("included_quantities", "quota_limits", "per_units")


class RatePlan(Kind):
    """Never changes once it is made: what was priced by it stays explained by it."""

    name = "RatePlan"
    message = pb.CreateRatePlanRequest
    deletable = False

    def find(self, client: Client, name: str) -> Present | None:
        try:
            found = client.call(_billing(client).GetRatePlan, pb.GetRatePlanRequest(name=name)).rate_plan
        except NotFound:
            return None
        return Present(self._of(found))

    def all(self, client: Client) -> Iterator[tuple[str, Spec]]:
        for plan in client.pages(_billing(client).ListRatePlans, pb.ListRatePlansRequest(), "rate_plans", EVERYTHING):
            yield plan.name, self._of(plan)

    def _of(self, plan: pb.RatePlan) -> Spec:
        return self.of(
            pb.CreateRatePlanRequest(
                unit_prices=plan.unit_prices,
                included_quantities=plan.included_quantities,
                quota_limits=plan.quota_limits,
                per_units=plan.per_units,
                predictions_per_second=plan.predictions_per_second,
                predictions_in_flight=plan.predictions_in_flight,
            )
        )

    def create(self, client: Client, name: str, spec: Spec) -> None:
        request = self.request(name, spec)
        request.idempotency_key = idempotency_key("")
        client.call(_billing(client).CreateRatePlan, request)

    def equal(self, before: Spec, wanted: Spec) -> bool:
        return _comparable(before) == _comparable(wanted)


def _comparable(spec: Spec) -> dict[str, Any]:
    """A meter without a price is free, an allowance or a quota of 0 is none, and a price is for one unit."""
    prices: Mapping[str, Any] = spec.get("unit_prices", {})
    found: dict[str, Any] = {
        "currencies": {price["currency_code"] for price in prices.values() if "currency_code" in price},
        "prices": {meter: price for meter, price in prices.items() if price.get("amount_micros")},
    }
    for name in _MAPS:
        least = 1 if name == "per_units" else 0
        found[name] = {meter: units for meter, units in spec.get(name, {}).items() if units != least}
    for name in _LIMITS:
        # Numbers of 64 bits may come as text.
        found[name] = int(spec.get(name) or 0)
    return found


class RatePlanAssignment(Kind):
    """Its name is the team's."""

    name = "RatePlanAssignment"
    message = pb.AssignRatePlanRequest
    name_field = "team"
    deletable = False
    references: ClassVar = {"rate_plan": "rate_plan_id"}

    def find(self, client: Client, name: str) -> Present | None:
        stub = _billing(client)
        request = pb.CheckQuotaRequest(team=name, meter_type=pb.METER_TYPE_INFERENCE_REQUEST)
        try:
            quota = client.call(stub.CheckQuota, request)
        except NotFound:
            return None
        plan = client.call(stub.GetRatePlan, pb.GetRatePlanRequest(rate_plan_id=quota.rate_plan_id)).rate_plan
        return Present({"rate_plan": plan.name}, quota.assignment_revision)

    def all(self, client: Client) -> Iterator[tuple[str, Spec]]:
        stub = teams_pb2_grpc.TeamServiceStub(client.channel)
        for team in client.pages(stub.ListTeams, teams_pb2.ListTeamsRequest(), "teams", EVERYTHING):
            if (found := self.find(client, team.id)) is not None:
                yield team.id, found.spec

    def create(self, client: Client, name: str, spec: Spec) -> None:
        self.change(client, name, spec, ABSENT)

    def change(self, client: Client, name: str, spec: Spec, present: Present) -> None:
        request = pb.AssignRatePlanRequest(
            team=name,
            rate_plan_id=names.plan(client, spec.get("rate_plan", "")),
            idempotency_key=idempotency_key(""),
            expected_revision=present.revision,
        )
        client.call(_billing(client).AssignRatePlan, request)


def _billing(client: Client) -> Any:
    return billing_pb2_grpc.BillingServiceStub(client.channel)
