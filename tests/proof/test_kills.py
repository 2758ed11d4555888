"""kill -9 of each service in turn while flights are predicted: nothing answered is lost, nothing is published twice."""

import asyncio
import os
import signal
from contextlib import suppress

import pytest
from completed_events import counted
from forgepoint.inference.v1 import inference_pb2
from forgepoint.pipeline.v1 import pipeline_pb2
from fp_flights import data, pipelines, store
from fp_flights.story import deploy, learn, predict
from fp_flights.story.calendar import SERVED, calendar
from fp_flights.story.landing import Landing
from fp_flights.story.narrator import Narrator
from fp_flights.story.predictions import Predictions
from fp_flights.story.session import open_session
from fp_kernel import AlreadyExists, Error, NotFound, new_id
from google.protobuf import json_format
from platform_client import linear_model, new_version

pytestmark = pytest.mark.proof
SERVICES = ("inference", "gateway", "registry", "auth", "pipeline")
# Enough that the last kill still meets predictions on a quiet machine.
FLIGHTS = 20_000
TERMINAL = {
    pipeline_pb2.EXECUTION_STATUS_COMPLETED,
    pipeline_pb2.EXECUTION_STATUS_FAILED,
    pipeline_pb2.EXECUTION_STATUS_CANCELLED,
}


async def kill(platform, name):
    status = await platform.supervisor.status()
    pid = next(process.pid for process in status.processes if process.name == name)
    os.kill(pid, signal.SIGKILL)


async def restarts(platform, name):
    status = await platform.supervisor.status()
    return next(process.restarts for process in status.processes if process.name == name)


async def test_no_prediction_lacks_its_event_and_none_has_two(platform):
    narrator = Narrator()
    flights = calendar(data.load())
    predicted = Predictions(flights.replay.first(FLIGHTS))
    async with open_session(platform.access) as session:
        await Landing(session, await store.define(session), flights.everything).write(SERVED)
        learned = await learn.learn(session, narrator)
        await deploy.deploy(session, narrator, learned.version)
        async with counted(platform.admin_nats_url, pipelines.MODEL) as completed:
            async with asyncio.TaskGroup() as tasks:
                flying = tasks.create_task(predict.predict_flights(session, narrator, predicted, None, run=new_id()))
                for service in SERVICES:
                    await asyncio.sleep(2)
                    before = await restarts(platform, service)
                    assert not flying.done(), f"{service} would be killed after the last prediction"
                    await kill(platform, service)
                    async with asyncio.timeout(30):
                        while await restarts(platform, service) == before:
                            await asyncio.sleep(0.05)
                    await platform.supervisor.wait_ready(30)
                assert not flying.done(), "the runtime would be killed after the last prediction"
                runtime = (await platform.supervisor.runtimes())[0]
                os.kill(runtime.pid, signal.SIGKILL)
            events = await completed.wait_for(predicted.requests, 60)

    assert predicted.failed == []
    assert len(predicted.answers) == len(predicted.requests) == FLIGHTS
    assert events == FLIGHTS
    assert {completed.by_request[request] for request in predicted.requests} == {1}


async def test_a_saga_whose_orchestrator_dies_at_any_transition_ends_done_or_undone(platform, admin):
    ended = {}
    known = await runtimes(platform)
    for number in range(1, 16):
        name = f"killed-at-{number}"
        version = await new_version(admin, name, linear_model())
        execution = await run_and_kill(platform, admin, name, version.version, number)
        ended[number] = execution.status
        assert execution.status in TERMINAL
        new = await runtimes(platform) - known
        known |= new
        if execution.status == pipeline_pb2.EXECUTION_STATUS_COMPLETED:
            assert len(new) == 1
            assert (await routes(admin, name)) == {version.version: 10_000}
        else:
            assert new == set()
            assert (await routes(admin, name)) == {}
    assert pipeline_pb2.EXECUTION_STATUS_COMPLETED in ended.values()


async def run_and_kill(platform, admin, model, version, number):
    """Kill the orchestrator when transition `number` is seen; answers the execution at its end."""
    pipeline_id = await pipeline_of(admin)
    trigger = pipeline_pb2.TriggerExecutionRequest(pipeline_id=pipeline_id)
    trigger.input.update({"model": model, "version": version})
    execution_id = (await admin.pipeline.TriggerExecution(trigger)).execution.id
    request = pipeline_pb2.WatchExecutionRequest(execution_id=execution_id, include_current_state=True)
    # The stream dies with the orchestrator.
    with suppress(Error):
        async for event in admin.pipeline.WatchExecution(request):
            if event.sequence >= number:
                await kill(platform, "pipeline")
                break
    async with asyncio.timeout(120):
        while True:
            await platform.supervisor.wait_ready(30)
            # It may be just starting.
            with suppress(Error):
                found = await admin.pipeline.GetExecution(pipeline_pb2.GetExecutionRequest(execution_id=execution_id))
                if found.execution.status in TERMINAL:
                    return found.execution
            await asyncio.sleep(0.2)


async def runtimes(platform):
    return {found.name for found in await platform.supervisor.runtimes()}


async def pipeline_of(admin):
    request = json_format.ParseDict(pipelines.deployment(), pipeline_pb2.CreatePipelineRequest())
    try:
        return (await admin.pipeline.CreatePipeline(request)).pipeline.id
    except AlreadyExists:
        named = pipeline_pb2.GetPipelineRequest(name=request.name)
        return (await admin.pipeline.GetPipeline(named)).pipeline.id


async def routes(admin, model):
    try:
        route = (await admin.inference.GetRoute(inference_pb2.GetRouteRequest(model_name=model))).route
    except NotFound:
        return {}
    return {target.version: target.weight_bps for target in route.targets}
