"""A canary, its promotion and the way back at 200 predictions a second: no failure, and the split that was asked."""

import asyncio
import os
import time

import pytest
from forgepoint.inference.v1 import inference_pb2
from forgepoint.pipeline.v1 import pipeline_pb2
from fp_flights import pipelines
from fp_testkit.patience import PATIENCE
from load_process import Load, Order, body_of, loading
from platform_client import linear_model, new_version, row

pytestmark = pytest.mark.proof
MODEL = "under-load"
RATE = 200
SECONDS = 60
WEIGHT_BPS = 2_000
POINTS = 0.02
LONGEST_SECONDS = 1.0
# Of those that were due, what must have been answered by the end: a generator or a platform that cannot keep up with
# the rate has thousands that wait.
HELD = 0.98


def share_of(version: str, load: Load, since: float, until: float) -> tuple[float, int]:
    seen = [answered for asked, _, answered in load.answers if since <= asked < until]
    return seen.count(version) / max(1, len(seen)), len(seen)


async def shared(admin) -> float:
    """The moment from which version 2 has its share of the split."""
    while True:
        route = (await admin.inference.GetRoute(inference_pb2.GetRouteRequest(model_name=MODEL))).route
        if any(target.version == "2" and target.weight_bps == WEIGHT_BPS for target in route.targets):
            return time.monotonic()
        await asyncio.sleep(0.1)


def with_a_long_canary() -> dict:
    pipeline = pipelines.canary_deployment()
    for step in pipeline["steps"]:
        if step["id"] == "canary":
            step["config"] = {
                "weight_bps": WEIGHT_BPS,
                "min_seconds": SECONDS,
                "min_samples": 100,
                "timeout_seconds": 120,
            }
    return pipeline | {"name": "canary-under-load"}


async def two_versions(admin):
    """The first one is deployed; the second one is answered."""
    first = await new_version(admin, MODEL, linear_model())
    ended = await admin.run(pipelines.deployment(), {"model": MODEL, "version": first.version})
    assert ended.status == pipeline_pb2.EXECUTION_STATUS_COMPLETED, ended.error
    return await new_version(admin, MODEL, linear_model())


async def test_a_canary_a_promotion_and_a_rollback_fail_nothing_at_200_a_second(platform, admin, admin_token):
    second = await two_versions(admin)
    order = Order(
        platform.access.address, admin_token, body_of(MODEL, row(1, 1, 1)), rate=RATE, seconds=PATIENCE, detailed=True
    )
    async with asyncio.timeout(600), loading(order) as process:
        deploying = asyncio.ensure_future(admin.run(with_a_long_canary(), {"model": MODEL, "version": second.version}))
        since = await shared(admin)
        await asyncio.sleep(SECONDS - 5)
        until = time.monotonic()
        promoted = await deploying
        assert promoted.status == pipeline_pb2.EXECUTION_STATUS_COMPLETED, promoted.error
        at = time.monotonic()
        await asyncio.sleep(5)
        asked = time.monotonic()
        request = pipeline_pb2.RollbackPromotionRequest(model_name=MODEL, reason="worse")
        answer = await admin.pipeline.RollbackPromotion(request)
        answered = time.monotonic()
        await asyncio.sleep(5)
        load = await process.stop()
    made, due = sum(load.outcomes.values()), load.seconds * RATE
    share, count = share_of("2", load, since, until)
    after, _ = share_of("2", load, at, asked)
    moved = max((each - asked for each, _, version in load.answers if version == "2" and each > asked), default=0.0)
    waits = sorted(end - start for start, end, _ in load.answers)
    print(
        f"\n{made} predictions of {due:.0f} that were due, the latest asked {load.behind:.2f} s late; "
        f"{load.outcomes} {load.failures}; "
        f"canary {share:.4f} of {count} where {WEIGHT_BPS / 10_000} was asked; after the promotion {after:.4f}; "
        f"rollback answered after {answered - asked:.3f} s, last prediction for the promoted version asked after "
        f"{moved:.3f} s; "
        f"p50 {1e3 * waits[len(waits) // 2]:.0f} ms, p99 {1e3 * waits[int(len(waits) * 0.99)]:.0f} ms; "
        f"load {os.getloadavg()[0]:.1f}"
    )
    assert set(load.outcomes) == {"OK"}
    assert made > HELD * due
    assert abs(share - WEIGHT_BPS / 10_000) < POINTS
    assert after == 1.0
    assert answer.promotion.state == pipeline_pb2.PROMOTION_STATE_ROLLED_BACK
    assert moved < LONGEST_SECONDS
