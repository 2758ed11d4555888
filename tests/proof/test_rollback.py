"""One command goes back to the version before, under load, without a prediction that fails."""

import asyncio
import time

import pytest
from forgepoint.inference.v1 import inference_pb2
from forgepoint.pipeline.v1 import pipeline_pb2
from fp_flights import pipelines
from platform_client import linear_model, new_version, row

pytestmark = pytest.mark.proof
MODEL = "rolled-back"
CALLERS = 4
LONGEST_SECONDS = 1.0


class Load:
    """Predictions one after the other; which version answered when."""

    def __init__(self, admin):
        self._admin = admin
        self.answers: list[tuple[float, float, str]] = []
        self.failed: list[str] = []

    async def run(self) -> None:
        request = inference_pb2.PredictRequest(model_name=MODEL, inputs={"x": row(1, 1, 1)})
        while True:
            asked = time.monotonic()
            try:
                answer = await self._admin.inference.Predict(request)
            except Exception as error:  # noqa: BLE001 -- whatever it is, a caller saw it
                self.failed.append(repr(error))
            else:
                self.answers.append((asked, time.monotonic(), answer.served_version))

    async def count(self, more: int) -> None:
        wanted = len(self.answers) + more
        while len(self.answers) < wanted:
            await asyncio.sleep(0.01)


async def test_a_rollback_moves_all_traffic_within_a_second_and_fails_no_prediction(admin):
    for number in ("1", "2"):
        version = await new_version(admin, MODEL, linear_model())
        assert version.version == number
        ended = await admin.run(pipelines.deployment(), {"model": MODEL, "version": number})
        assert ended.status == pipeline_pb2.EXECUTION_STATUS_COMPLETED, ended.error
    load = Load(admin)
    async with asyncio.timeout(120), asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(load.run()) for _ in range(CALLERS)]
        await load.count(200)
        began = time.monotonic()
        answer = await admin.pipeline.RollbackPromotion(
            pipeline_pb2.RollbackPromotionRequest(model_name=MODEL, reason="worse")
        )
        ended_at = time.monotonic()
        await load.count(200)
        for task in running:
            task.cancel()
    assert answer.promotion.state == pipeline_pb2.PROMOTION_STATE_ROLLED_BACK
    assert load.failed == []
    assert {version for _, answered, version in load.answers if answered < began} == {"2"}
    late = [asked - began for asked, _, version in load.answers if version == "2" and asked > began]
    moved = max(late, default=0.0)
    print(
        f"\nrollback answered after {ended_at - began:.3f} s; last prediction that still went to the promoted version "
        f"was asked after {moved:.3f} s; {len(load.answers)} predictions, none failed"
    )
    assert {version for asked, _, version in load.answers if asked > ended_at} == {"1"}
    assert moved < LONGEST_SECONDS
