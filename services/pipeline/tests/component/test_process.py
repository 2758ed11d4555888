"""`python -m fp_pipeline` alone, killed at every step of a saga and started again."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from forgepoint.pipeline.v1 import pipeline_pb2 as pb
from fp_kernel import Unavailable
from fp_pipeline.settings import PipelineSettings
from fp_testkit.patience import PATIENCE
from fp_testkit.ports import free_port
from pydantic import SecretStr

SAGA: dict[str, Any] = {
    "name": "deploy-model",
    "type": "PIPELINE_TYPE_DEPLOYMENT_SAGA",
    "steps": [
        {"id": "validate", "type": "STEP_TYPE_VALIDATE"},
        {"id": "deploy", "type": "STEP_TYPE_DEPLOY"},
        {"id": "promote", "type": "STEP_TYPE_PROMOTE"},
    ],
}


def environment(settings: PipelineSettings, **changes: object) -> dict[str, str]:
    """The settings as the variables of a process."""
    values = settings.model_dump() | changes
    plain = {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value for name, value in values.items()
    }
    named = {f"FP_{name}".upper(): str(value) for name, value in plain.items() if value is not None}
    return {"PATH": os.environ["PATH"], **named}


@asynccontextmanager
async def started(variables: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "fp_pipeline", env=variables, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def serving(client: Any) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await client.stub.ListPipelines(pb.ListPipelinesRequest())
            except Unavailable:
                await asyncio.sleep(0.05)
            else:
                return


def killer(process: asyncio.subprocess.Process, call: str) -> Callable[[str], None]:
    """Kills the process at the next call of this name; its answer finds nobody."""

    def heard(name: str) -> None:
        if name == call and process.returncode is None:
            os.kill(process.pid, signal.SIGKILL)

    return heard


async def test_a_process_that_is_killed_at_each_step_of_a_saga_gets_it_done(settings, client, peers):
    peers.world.add_version("delays", "1")
    port = free_port()
    variables = environment(settings, grpc_port=port, http_port=free_port())
    engineer = client(f"127.0.0.1:{port}")
    execution_id = ""
    for call in ("GetModel", "start_runtime", "look", "split", "promote"):
        async with started(variables) as process:
            peers.world.heard = killer(process, call)
            if not execution_id:
                await serving(engineer)
                pipeline = await engineer.create(SAGA)
                execution_id = (await engineer.trigger(pipeline.id, model="delays", version="1")).id
            async with asyncio.timeout(PATIENCE):
                assert await process.wait() == -signal.SIGKILL, call
    peers.world.heard = lambda _: None
    async with started(variables) as process:
        await serving(engineer)
        ended = await engineer.ended(execution_id)
        assert ended.status == pb.EXECUTION_STATUS_COMPLETED, ended.error
        assert [step.attempt for step in ended.step_executions] == [1, 1, 1]
        assert len(peers.world["runtimes"]) == 1
        assert peers.world.production("delays") == "delays-1"
        process.terminate()
        async with asyncio.timeout(PATIENCE):
            assert await process.wait() == 0, "SIGTERM ends it in order"


async def test_a_missing_setting_is_named_in_one_line(settings):
    variables = environment(settings)
    del variables["FP_SUPERVISOR_SOCKET"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "fp_pipeline", env=variables, stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    assert process.returncode == 2
    assert said.decode() == "pipeline: settings is invalid: FP_SUPERVISOR_SOCKET is missing\n"
