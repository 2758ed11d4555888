"""A canary, its promotion and the way back at 200 predictions a second: no failure, and the split that was asked."""

import asyncio
import os
import time

import pytest
from forgepoint.inference.v1 import inference_pb2
from forgepoint.pipeline.v1 import pipeline_pb2
from fp_flights import pipelines
from platform_client import linear_model, new_version, row

pytestmark = pytest.mark.proof
MODEL = "under-load"
RATE = 200
SECONDS = 60
WEIGHT_BPS = 2_000
POINTS = 0.02
LONGEST_SECONDS = 1.0
# Callers that wait at most; more at once would say that the platform cannot keep up with the rate.
MOST_AT_ONCE = 512


class Load:
    """Predictions at a rate, whoever still waits for his; which version answered when."""

    def __init__(self, admin):
        self._admin = admin
        self.answers: list[tuple[float, float, str]] = []
        self.failed: list[str] = []
        self.late = 0

    async def run(self) -> None:
        began, sent = time.monotonic(), 0
        async with asyncio.TaskGroup() as calls:
            room = asyncio.Semaphore(MOST_AT_ONCE)
            while True:
                due = int((time.monotonic() - began) * RATE)
                for _ in range(due - sent):
                    self.late += room.locked()
                    await room.acquire()
                    calls.create_task(self._ask(room))
                sent = due
                await asyncio.sleep(1 / RATE)

    async def _ask(self, room: asyncio.Semaphore) -> None:
        asked = time.monotonic()
        request = inference_pb2.PredictRequest(model_name=MODEL, inputs={"x": row(1, 1, 1)})
        try:
            answer = await self._admin.inference.Predict(request)
        except Exception as error:  # noqa: BLE001 -- whatever it is, a caller saw it
            self.failed.append(repr(error))
        else:
            self.answers.append((asked, time.monotonic(), answer.served_version))
        finally:
            room.release()

    def share(self, version: str, since: float, until: float) -> tuple[float, int]:
        seen = [answered for asked, _, answered in self.answers if since <= asked < until]
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


async def test_a_canary_a_promotion_and_a_rollback_fail_nothing_at_200_a_second(admin):
    first = await new_version(admin, MODEL, linear_model())
    ended = await admin.run(pipelines.deployment(), {"model": MODEL, "version": first.version})
    assert ended.status == pipeline_pb2.EXECUTION_STATUS_COMPLETED, ended.error
    second = await new_version(admin, MODEL, linear_model())
    load = Load(admin)
    async with asyncio.timeout(600), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(load.run())
        deploying = tasks.create_task(admin.run(with_a_long_canary(), {"model": MODEL, "version": second.version}))
        since = await shared(admin)
        await asyncio.sleep(SECONDS - 5)
        share, count = load.share("2", since, time.monotonic())
        promoted = await deploying
        assert promoted.status == pipeline_pb2.EXECUTION_STATUS_COMPLETED, promoted.error
        at = time.monotonic()
        await asyncio.sleep(5)
        after, _ = load.share("2", at, time.monotonic())
        began = time.monotonic()
        request = pipeline_pb2.RollbackPromotionRequest(model_name=MODEL, reason="worse")
        answer = await admin.pipeline.RollbackPromotion(request)
        ended_at = time.monotonic()
        await asyncio.sleep(5)
        running.cancel()
    moved = max((asked - began for asked, _, version in load.answers if version == "2" and asked > began), default=0.0)
    waits = sorted(answered - asked for asked, answered, _ in load.answers)
    print(
        f"\n{len(load.answers)} predictions, {len(load.failed)} failed, {load.late} found {MOST_AT_ONCE} waiting; "
        f"canary {share:.4f} of {count} where {WEIGHT_BPS / 10_000} was asked; after the promotion {after:.4f}; "
        f"rollback answered after {ended_at - began:.3f} s, last prediction for the promoted version asked after "
        f"{moved:.3f} s; "
        f"p50 {1e3 * waits[len(waits) // 2]:.0f} ms, p99 {1e3 * waits[int(len(waits) * 0.99)]:.0f} ms; "
        f"load {os.getloadavg()[0]:.1f}"
    )
    assert load.failed == []
    assert load.late == 0  # else fewer than RATE were asked
    assert abs(share - WEIGHT_BPS / 10_000) < POINTS
    assert after == 1.0
    assert answer.promotion.state == pipeline_pb2.PROMOTION_STATE_ROLLED_BACK
    assert moved < LONGEST_SECONDS
