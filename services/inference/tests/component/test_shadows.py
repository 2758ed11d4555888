"""A shadow over the wire: its answers are compared, and nobody is billed for them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from forgepoint.inference.v1 import inference_pb2 as pb
from fp_inference.app.mirror import BYTES_OF_COPY
from fp_kernel import Unavailable
from fp_testkit.patience import PATIENCE

Start = Callable[..., Awaitable[Any]]
Announce = Callable[..., Awaitable[None]]
StartRuntime = Callable[..., Awaitable[Any]]
Ask = Callable[..., pb.PredictRequest]
REPORT = pb.GetRouteReportRequest(model_name="delays")


async def reported(stub: Any, holds: Callable[[pb.GetRouteReportResponse], bool]) -> pb.GetRouteReportResponse:
    async with asyncio.timeout(PATIENCE):
        while not holds(report := await stub.GetRouteReport(REPORT)):
            await asyncio.sleep(0.02)
    return report


async def test_a_shadow_is_compared_and_leaves_no_trace(
    start: Start, runtime: StartRuntime, announce: Announce, ask: Ask, events: Any
) -> None:
    one, two = await runtime("1"), await runtime("2")
    inference = await start()
    await announce(one, 1, weight=10_000)
    await announce(two, 1)
    await inference.weights({"1": 10_000, "2": 0})
    stub = inference.stub()
    assert await stub.GetRouteReport(REPORT) == pb.GetRouteReportResponse()
    await stub.SetShadow(pb.SetShadowRequest(model_name="delays", shadow=pb.Shadow(version="2", share_bps=10_000)))
    gold = [pb.AttributeMatch(attribute="plan", exact="gold")]
    rule = pb.RoutingRule(name="gold", matches=gold, weights=[pb.TrafficWeight(version="1", weight_bps=10_000)])
    await stub.SetRoutingRules(pb.SetRoutingRulesRequest(model_name="delays", rules=[rule]))
    two.errors.append(Unavailable("a shadow that fails"))
    for number in range(10):
        answer = await stub.Predict(ask(attributes={"plan": "gold" if number < 4 else "free"}))
        assert answer.served_version == "1"
    report = await reported(stub, lambda found: found.shadow.answered + found.shadow.failed == 10)
    shadow = report.shadow
    assert (shadow.version, shadow.share_bps, shadow.answered, shadow.failed) == ("2", 10_000, 9, 1)
    assert (shadow.numbers, shadow.labels, shadow.unlike) == (18, 0, 0)
    assert abs(shadow.mean_absolute_difference - 0.01) < 1e-6
    (arm,) = report.arms
    assert (arm.rule, arm.version, arm.answered, arm.failed) == ("gold", "1", 4, 0)
    assert arm.mean_ms > 0
    assert {event.payload.version for event in await events.wait(10)} == {"1"}
    assert not events.of("failed"), "what a shadow does is no prediction of the team"
    assert {team for team, _ in two.calls} == {team for team, _ in one.calls}
    await stub.SetShadow(pb.SetShadowRequest(model_name="delays"))
    assert not (await stub.GetRouteReport(REPORT)).HasField("shadow")


async def test_an_answer_does_not_wait_for_a_shadow_that_hangs(
    start: Start, runtime: StartRuntime, announce: Announce, ask: Ask
) -> None:
    one, two = await runtime("1"), await runtime("2")
    # Two copies of 16 bytes, and half of a third.
    inference = await start(shadow_bytes=5 * (BYTES_OF_COPY + 16) // 2)
    await announce(one, 1, weight=10_000)
    await announce(two, 1)
    await inference.weights({"1": 10_000, "2": 0})
    stub = inference.stub()
    await stub.SetShadow(pb.SetShadowRequest(model_name="delays", shadow=pb.Shadow(version="2", share_bps=10_000)))
    two.gate = asyncio.Event()
    for _ in range(10):
        assert (await stub.Predict(ask())).served_version == "1"
    assert (await reported(stub, lambda found: found.shadow.dropped > 0)).shadow.dropped == 8
    two.gate.set()
    assert (await reported(stub, lambda found: found.shadow.answered > 1)).shadow.answered == 2
