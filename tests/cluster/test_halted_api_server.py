"""The API server answers nothing for a minute in the middle of a deployment: that ends done, or undone."""

import asyncio

import outside
import pytest
from forgepoint.inference.v1 import inference_pb2
from forgepoint.pipeline.v1 import pipeline_pb2
from fp_kernel import Error, NotFound
from fp_testkit.patience import PATIENCE
from google.protobuf import json_format

HALTED_SECONDS = 60
OPEN = {pipeline_pb2.EXECUTION_STATUS_PENDING, pipeline_pb2.EXECUTION_STATUS_RUNNING}


async def begun(who, model, seconds):
    """Id of an execution whose DEPLOY step has so many seconds."""
    version = await who.version(model)
    wanted = outside.deployment(1)
    wanted["name"] = f"{model}-{seconds}"
    for step in wanted["steps"]:
        step["timeout"] = f"{seconds}s"
    request = json_format.ParseDict(wanted, pipeline_pb2.CreatePipelineRequest())
    pipeline_id = (await who.admin.pipeline.CreatePipeline(request)).pipeline.id
    trigger = pipeline_pb2.TriggerExecutionRequest(pipeline_id=pipeline_id)
    trigger.input.update({"model": model, "version": version})
    return (await who.admin.pipeline.TriggerExecution(trigger)).execution.id


async def ended(who, execution_id):
    async with asyncio.timeout(10 * PATIENCE):
        while True:
            try:
                asked = pipeline_pb2.GetExecutionRequest(execution_id=execution_id)
                execution = (await who.admin.pipeline.GetExecution(asked)).execution
            except Error:
                # Addresses behind a name may be gone for a moment, after the node was not heard of.
                execution = None
            if execution is not None and execution.status not in OPEN:
                return execution
            await asyncio.sleep(1)


async def served(who, model):
    try:
        return list((await who.admin.inference.GetRoute(inference_pb2.GetRouteRequest(model_name=model))).route.targets)
    except NotFound:
        return []


def deployments(installation, model):
    return installation.cluster.items("deployments", "fp-runtimes", f"--selector=forgepoint.io/model={model}")


async def gone(installation, model):
    async with asyncio.timeout(5 * PATIENCE):
        while deployments(installation, model):
            await asyncio.sleep(1)


@pytest.mark.parametrize(
    ("seconds", "begun_there"),
    [(300, False), (300, True), (30, True)],
    ids=["before its Deployment is made", "after it", "longer than the step may take"],
)
async def test_a_deployment_ends_done_or_undone(installation, seconds, begun_there):
    model = f"halted-{seconds}-{begun_there}".lower()
    async with outside.opened(installation) as who:
        execution_id = await begun(who, model, seconds)
        async with asyncio.timeout(PATIENCE):
            while begun_there and not deployments(installation, model):
                await asyncio.sleep(0.1)
        with installation.cluster.standing_still("kube-apiserver"):
            await asyncio.sleep(HALTED_SECONDS)
        execution = await ended(who, execution_id)
        print(f"\n{model}: {pipeline_pb2.ExecutionStatus.Name(execution.status)} {execution.error}")
        if execution.status == pipeline_pb2.EXECUTION_STATUS_COMPLETED:
            await who.answered(model)
            assert [each["metadata"]["labels"]["forgepoint.io/version"] for each in deployments(installation, model)]
            await who.withdrawn(model)
        else:
            assert await served(who, model) == []
            await gone(installation, model)
