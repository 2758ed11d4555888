"""Many predictions, and what the processes keep of them: nothing that grows with their number."""

import asyncio
import os

import numpy as np
import psutil
import pytest
from forgepoint.inference.v1 import inference_pb2
from fp_kernel import ResourceExhausted, new_id
from platform_client import deploy_linear, row

pytestmark = pytest.mark.proof
COUNT = int(os.environ.get("COUNT", "1000000"))
PARTS = 20
CALLERS = 16
# Caches fill in the first parts: tokens, routes, answers of commands with a key, what consumers hold of a window.
WARMED = PARTS // 2
KIB = 1_024
# What a process may grow by for a thousand predictions; one object kept of each would be more.
MOST_KIB = 24.0


async def predictions(client, count, run):
    """Every fourth has a key, each its own."""

    async def call(caller):
        for number in range(count // CALLERS):
            request = inference_pb2.PredictRequest(model_name="kept", inputs={"x": row(1, 1, 1)})
            if number % 4 == 0:
                request.idempotency_key = f"{run}/{caller}/{number}"
            while True:
                try:
                    await client.inference.Predict(request)
                except ResourceExhausted as busy:
                    await asyncio.sleep(busy.retry_after or 0.1)
                else:
                    break

    async with asyncio.TaskGroup() as tasks:
        for caller in range(CALLERS):
            tasks.create_task(call(caller))


async def resident(platform):
    """KiB of each process of the platform."""
    found = {}
    for each in (await platform.supervisor.status(memory=False)).processes:
        if each.pid is not None:
            found[each.name] = psutil.Process(each.pid).memory_info().rss / KIB
    return found


async def test_no_process_grows_with_the_number_of_predictions(platform, connect):
    admin = connect(await connect().login(platform.access.email, platform.access.password))
    await deploy_linear(admin, "kept")
    seen = []
    for part in range(PARTS):
        # A token lasts a quarter of an hour.
        admin = connect(await connect().login(platform.access.email, platform.access.password))
        await predictions(admin, COUNT // PARTS, new_id())
        await asyncio.sleep(1)
        seen.append(await resident(platform))
        print(f"\npart {part}: { ({name: round(kib / KIB) for name, kib in seen[-1].items()}) } MiB", flush=True)
    each = COUNT / PARTS / 1_000
    slopes = {}
    for name in seen[-1]:
        kept = [part[name] for part in seen[WARMED:] if name in part]
        slopes[name] = round(float(np.polyfit(np.arange(len(kept)) * each, kept, 1)[0]), 1)
    print(f"\n{COUNT} predictions; KiB a thousand in their second half: {slopes}")
    assert {name: slope for name, slope in slopes.items() if slope > MOST_KIB} == {}
