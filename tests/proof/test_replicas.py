"""A version of three runtimes under load, each killed in its turn: nothing fails, and all three work again."""

import asyncio
import os
import signal
import time

import pytest
from forgepoint.inference.v1 import inference_pb2
from forgepoint.pipeline.v1 import pipeline_pb2
from fp_flights import pipelines
from fp_supervisor import ProcessState
from fp_testkit.patience import PATIENCE
from platform_client import linear_model, new_version, row

pytestmark = pytest.mark.proof
MODEL = "replicated"
REPLICAS = 3
CALLERS = 8
ROUNDS = int(os.environ.get("ROUNDS", "2"))


class Load:
    def __init__(self, admin):
        self._admin = admin
        self.waits: list[float] = []
        self.failed: list[str] = []

    async def run(self):
        async with asyncio.TaskGroup() as callers:
            for _ in range(CALLERS):
                callers.create_task(self._call())

    async def _call(self):
        request = inference_pb2.PredictRequest(model_name=MODEL, inputs={"x": row(1, 1, 1)})
        while True:
            began = time.perf_counter()
            try:
                await self._admin.inference.Predict(request, timeout=PATIENCE)
            except Exception as error:  # noqa: BLE001 -- whatever it is, a caller saw it
                self.failed.append(repr(error))
            self.waits.append(time.perf_counter() - began)

    async def more(self, count):
        """Until so many more were answered."""
        until = len(self.waits) + count
        async with asyncio.timeout(PATIENCE):
            while len(self.waits) < until:
                await asyncio.sleep(0.05)


def with_replicas() -> dict:
    pipeline = pipelines.deployment()
    for step in pipeline["steps"]:
        if step["id"] == "deploy":
            step["config"] = {"replicas": {"min": REPLICAS}}
    return pipeline | {"name": "deploy-replicas"}


async def test_each_of_three_runtimes_is_killed_under_load_and_no_prediction_fails(platform, admin):
    version = await new_version(admin, MODEL, linear_model())
    before = {each.name for each in await platform.supervisor.runtimes()}
    ended = await admin.run(with_replicas(), {"model": MODEL, "version": version.version})
    assert ended.status == pipeline_pb2.EXECUTION_STATUS_COMPLETED, ended.error
    names = {each.name for each in await platform.supervisor.runtimes()} - before
    assert len(names) == REPLICAS

    async def runtime(name):
        return next(each for each in await platform.supervisor.runtimes() if each.name == name)

    load, kills = Load(admin), 0
    async with asyncio.timeout(600), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(load.run())
        await load.more(100)
        for name in sorted(names) * ROUNDS:
            killed = await runtime(name)
            os.kill(killed.pid, signal.SIGKILL)
            kills += 1
            while (found := await runtime(name)).state is not ProcessState.READY or found.pid == killed.pid:
                await asyncio.sleep(0.05)
            await load.more(100)
        running.cancel()
    waits = sorted(load.waits)
    print(
        f"\n{kills} kills, {len(waits)} predictions, {len(load.failed)} failed; "
        f"p50 {1e3 * waits[len(waits) // 2]:.0f} ms, p99 {1e3 * waits[int(len(waits) * 0.99)]:.0f} ms, "
        f"longest {1e3 * waits[-1]:.0f} ms; load {os.getloadavg()[0]:.1f}"
    )
    assert load.failed == []
