"""Rules of a route, over the wire and in every replica."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from forgepoint.inference.v1 import inference_pb2 as pb
from fp_kernel import Aborted, FailedPrecondition, InvalidArgument, NotFound, PermissionDenied
from fp_testkit.issuer import Issuer
from fp_testkit.patience import PATIENCE

Start = Callable[..., Awaitable[Any]]
Announce = Callable[..., Awaitable[None]]
StartRuntime = Callable[..., Awaitable[Any]]
Ask = Callable[..., pb.PredictRequest]

GOLD = pb.AttributeMatch(attribute="plan", exact="gold")


def rule(name: str, version: str) -> pb.RoutingRule:
    weights = [pb.TrafficWeight(version=version, weight_bps=10_000)]
    return pb.RoutingRule(name=name, matches=[GOLD], weights=weights)


def rules(*wanted: pb.RoutingRule, **changes: Any) -> pb.SetRoutingRulesRequest:
    return pb.SetRoutingRulesRequest(model_name="delays", rules=wanted, **changes)


async def until(replica: Any, holds: Callable[[pb.Route], bool]) -> pb.Route:
    stub = replica.stub()
    async with asyncio.timeout(PATIENCE):
        while not holds(route := (await stub.GetRoute(pb.GetRouteRequest(model_name="delays"))).route):
            await asyncio.sleep(0.02)
    return route


async def test_requests_that_meet_a_rule_go_to_its_version_in_every_replica(
    start: Start, runtime: StartRuntime, announce: Announce, ask: Ask, issuer: Issuer, tmp_path
) -> None:
    one, two = await runtime("1"), await runtime("2")
    first, second = await start(), await start(spool_dir=tmp_path / "second")
    await announce(one, 1, weight=10_000)
    await announce(two, 1)
    for replica in (first, second):
        await replica.weights({"1": 10_000, "2": 0})
    stub, other = first.stub(), second.stub()
    with pytest.raises(PermissionDenied):
        await first.stub(issuer.identity.viewer("alpha")).SetRoutingRules(rules(rule("gold", "2")))
    wanted = rules(rule("gold", "2"), idempotency_key="k")
    route = (await stub.SetRoutingRules(wanted)).route
    assert [(each.name, each.matches[0]) for each in route.rules] == [("gold", GOLD)]
    assert (await stub.SetRoutingRules(wanted)).route.revision == route.revision, "a retry is the same change"
    await until(second, lambda known: known.revision == route.revision)
    assert (await other.Predict(ask(attributes={"plan": "gold"}))).served_version == "2"
    assert (await other.Predict(ask(attributes={"plan": "free"}))).served_version == "1"
    assert (await other.Predict(ask())).served_version == "1"
    items = [pb.BatchPredictItem(item_id="a", inputs=ask().inputs)]
    batch = pb.BatchPredictRequest(model_name="delays", items=items, attributes={"plan": "gold"})
    assert [each.served_version for each in (await other.BatchPredict(batch)).results] == ["2"]
    with pytest.raises(Aborted):
        await stub.SetRoutingRules(rules(expected_revision=route.revision - 1))
    weights = [pb.TrafficWeight(version="1", weight_bps=10_000)]
    await other.SetTrafficSplit(pb.SetTrafficSplitRequest(model_name="delays", weights=weights))
    assert (await other.Predict(ask(attributes={"plan": "gold"}))).served_version == "2", "a split leaves rules alone"
    await announce(two, 2, gone=True)
    await second.weights({"1": 10_000})
    assert (await other.Predict(ask(attributes={"plan": "gold"}))).served_version == "1"


async def test_a_route_is_set_as_a_whole_or_not_at_all(
    start: Start, runtime: StartRuntime, announce: Announce, ask: Ask
) -> None:
    one, two = await runtime("1"), await runtime("2")
    inference = await start()
    await announce(one, 1, weight=10_000)
    await announce(two, 1)
    await inference.weights({"1": 10_000, "2": 0})
    stub = inference.stub()
    targets = [pb.RouteTarget(version="2", weight_bps=10_000)]
    wanted = pb.UpsertRouteRequest(model_name="delays", targets=targets)
    wanted.rules.rules.append(rule("gold", "9"))
    with pytest.raises(FailedPrecondition) as caught:
        await stub.UpsertRoute(wanted)
    assert caught.value.fields[0].field == "rules[0].weights[0].version"
    await inference.weights({"1": 10_000, "2": 0})
    wanted.rules.rules[0].weights[0].version = "1"
    wanted.shadow.version, wanted.shadow.share_bps = "1", 500
    route = (await stub.UpsertRoute(wanted)).route
    assert (len(route.rules), route.shadow) == (1, wanted.shadow)
    kept = (await stub.UpsertRoute(pb.UpsertRouteRequest(model_name="delays", targets=targets))).route
    assert (kept.rules, kept.shadow) == (route.rules, route.shadow), "what older clients do not know stays"
    wanted.rules.Clear()
    wanted.rules.SetInParent()
    wanted.shadow.Clear()
    wanted.shadow.SetInParent()
    wanted.expected_revision = kept.revision
    ended = (await stub.UpsertRoute(wanted)).route
    assert (len(ended.rules), ended.HasField("shadow")) == (0, False)


async def test_a_deleted_route_leaves_no_rule_behind(
    start: Start, runtime: StartRuntime, announce: Announce, ask: Ask
) -> None:
    one, two = await runtime("1"), await runtime("2")
    inference = await start()
    await announce(one, 1, weight=10_000)
    await announce(two, 1)
    await inference.weights({"1": 10_000, "2": 0})
    stub = inference.stub()
    with pytest.raises(NotFound):
        await stub.SetRoutingRules(pb.SetRoutingRulesRequest(model_name="other"))
    with pytest.raises(NotFound):
        await stub.SetShadow(pb.SetShadowRequest(model_name="other"))
    await stub.SetRoutingRules(rules(rule("gold", "2")))
    await stub.SetShadow(pb.SetShadowRequest(model_name="delays", shadow=pb.Shadow(version="2", share_bps=1)))
    await stub.DeleteRoute(pb.DeleteRouteRequest(model_name="delays"))
    weights = [pb.TrafficWeight(version="1", weight_bps=10_000)]
    route = (await stub.SetTrafficSplit(pb.SetTrafficSplitRequest(model_name="delays", weights=weights))).route
    assert (len(route.rules), route.HasField("shadow")) == (0, False)
    assert (await stub.Predict(ask(attributes={"plan": "gold"}))).served_version == "1"


async def test_bad_rules_shadows_and_attributes_name_their_field(
    start: Start, runtime: StartRuntime, announce: Announce, ask: Ask
) -> None:
    one = await runtime("1")
    inference = await start()
    await announce(one, 1, weight=10_000)
    await inference.weights({"1": 10_000})
    stub = inference.stub()
    for call, request, field in [
        (stub.SetRoutingRules, rules(rule("two words", "1")), "rules[0].name"),
        (stub.SetShadow, pb.SetShadowRequest(model_name="delays", shadow=pb.Shadow(version="1")), "shadow.share_bps"),
        (stub.SetShadow, pb.SetShadowRequest(), "model_name"),
        (stub.Predict, ask(attributes={"two words": "x"}), "attributes"),
    ]:
        with pytest.raises(InvalidArgument) as caught:
            await call(request)
        assert caught.value.fields[0].field == field


async def test_what_was_counted_outlives_a_service_that_stops(
    start: Start, runtime: StartRuntime, announce: Announce, ask: Ask
) -> None:
    one = await runtime("1")
    inference = await start()
    await announce(one, 1, weight=10_000)
    await inference.weights({"1": 10_000})
    await inference.stub().SetRoutingRules(rules(rule("gold", "1")))
    for _ in range(3):
        await inference.stub().Predict(ask(attributes={"plan": "gold"}))
    await inference.service.stop()
    again = await start()
    await again.weights({"1": 10_000})
    (arm,) = (await again.stub().GetRouteReport(pb.GetRouteReportRequest(model_name="delays"))).arms
    assert (arm.rule, arm.answered) == ("gold", 3)
