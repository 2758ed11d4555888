"""A version that serves gets more runtimes and fewer, and nobody who asks it notices."""

import asyncio

from forgepoint.inference.v1 import inference_pb2
from forgepoint.pipeline.v1 import pipeline_pb2
from fp_kernel import Error, new_id
from fp_testkit.patience import PATIENCE
from platform_client import deploy_linear, predict_linear, row


async def test_no_prediction_fails_while_a_version_gets_more_runtimes_and_fewer(admin):
    name = f"scaled-{new_id()[-8:]}"
    version = await deploy_linear(admin, name)
    await predict_linear(admin, name)
    request = inference_pb2.PredictRequest(model_name=name, inputs={"x": row(1, 1, 1)})
    answered, failed, over = [0], [], asyncio.Event()

    async def ask():
        while not over.is_set():
            try:
                await admin.inference.Predict(request)
            except Error as error:
                failed.append(error)
            answered[0] += 1
            await asyncio.sleep(0.05)

    async def scaled(number):
        wanted = pipeline_pb2.ScaleDeploymentRequest(model_name=name, version=version, min_replicas=number)
        await admin.pipeline.ScaleDeployment(wanted)
        listed = pipeline_pb2.ListVersionRuntimesRequest(model_name=name)
        while not (found := await admin.pipeline.ListVersionRuntimes(listed)).scales[0].settled:
            await asyncio.sleep(0.2)
        return found.runtimes

    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        asking = group.create_task(ask())
        more = await scaled(3)
        before = answered[0]
        fewer = await scaled(1)
        over.set()
        await asking

    assert failed == []
    assert answered[0] > before
    assert [each.replica for each in more] == [1, 2, 3]
    assert {each.state for each in more} == {more[0].state}
    assert [each.replica for each in fewer] == [0]
