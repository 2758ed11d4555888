"""Small versions of a team share a process; one whose runs end it gets its own, and the others answer again."""

import asyncio
import json
import os
import signal

import numpy as np
import psutil
import pytest
import pytest_asyncio
from command_line import within
from deployed_models import deploy, predict
from fp_kernel import Error
from fp_rpc import BearerToken, Channels
from fp_supervisor import SupervisorClient
from fp_supervisor.launch import SOCKET
from fp_testkit.patience import PATIENCE
from onnx import TensorProto, helper, numpy_helper
from platform_client import UP, Client, deploy_linear, fp, predict_linear

FOR_EVER = 2**40


@pytest.fixture
def stack(tmp_path):
    """`stack("whoami")`: the command on a platform of this test's own, where small versions share.

    call: `fp` for a program of its own.
    """
    env = {"FP_DATA": str(tmp_path / "data"), "FP_PIPELINE_SHARED_MODEL_BYTES": "1000000"}

    def run(*arguments: str, call=within, **more: str):
        return call("-o", "json", *arguments, home=tmp_path, env=env | more)

    started = run(*UP, call=fp)
    assert started.returncode == 0, started.stderr
    run.folder = tmp_path / "data"
    yield run
    run("down", call=fp)


@pytest_asyncio.fixture
async def supervisor(stack):
    return SupervisorClient(stack.folder / SOCKET)


@pytest_asyncio.fixture
async def client(supervisor):
    access = await supervisor.access()
    anonymous = Channels(None)
    token = await Client(anonymous.open(access.address, timeout=PATIENCE)).login(access.email, access.password)
    await anonymous.close()
    channels = Channels(BearerToken(token))
    yield Client(channels.open(access.address, timeout=PATIENCE))
    await channels.close()


def counter() -> bytes:
    """Counts to `n` one by one, which for a large one takes as long as anybody waits."""
    number = TensorProto.INT64
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["go_on"]),
            helper.make_node("Add", ["before", "one"], ["after"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("at", number, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("before", number, [1]),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("after", number, [1]),
        ],
    )
    graph = helper.make_graph(
        [
            helper.make_node("Squeeze", ["n"], ["times"]),
            helper.make_node("Loop", ["times", "", "zero"], ["counted"], body=body),
        ],
        "counter",
        [helper.make_tensor_value_info("n", number, [1])],
        [helper.make_tensor_value_info("counted", number, [1])],
        [numpy_helper.from_array(np.array([value]), name) for name, value in (("one", 1), ("zero", 0))],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return made.SerializeToString()


async def count(client: Client, until: int) -> int:
    """As soon as it answers."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return int((await predict(client, "counter", {"n": np.array([until])}))["counted"][0])
            except Error:
                await asyncio.sleep(0.2)


async def processes(supervisor) -> dict[str, int | None]:
    return {each.name: each.pid for each in await supervisor.runtimes()}


def _seconds(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


async def kill_in_the_middle_of_a_run(client, supervisor, before: int) -> None:
    spent = _seconds(before)
    running = asyncio.create_task(predict(client, "counter", {"n": np.array([FOR_EVER])}))
    # An idle process spends a hundredth of that in the time that a test waits.
    async with asyncio.timeout(PATIENCE):
        while _seconds(before) < spent + 1.0:
            await asyncio.sleep(0.05)
    os.kill(before, signal.SIGKILL)
    await asyncio.wait({running})
    running.exception()
    async with asyncio.timeout(PATIENCE):
        while before in (await processes(supervisor)).values():
            await asyncio.sleep(0.1)


async def unload_and_load(stack, supervisor, client) -> None:
    access = await supervisor.access()
    login = ("login", "--email", access.email, "--address", access.address)
    entered = await asyncio.to_thread(stack, *login, FP_PASSWORD=access.password)
    assert entered.returncode == 0

    def asked(command: str, *more: str):
        said = stack("deployments", command, "counter", *more)
        assert said.returncode == 0, said.stderr
        return json.loads(said.stdout)

    (runtime,) = await asyncio.to_thread(asked, "runtimes")
    assert (runtime["state"], runtime["shared"], int(runtime["memory_bytes"]) > 0) == ("READY", True, True)
    unloaded = await asyncio.to_thread(asked, "unload", "1", "--reason", "a test")
    assert (unloaded["state"], unloaded["reason"], unloaded["message"]) == ("UNLOADED", "MODEL_UNLOADED", "a test")
    with pytest.raises(Error):
        await predict(client, "counter", {"n": np.array([1])})
    assert await predict_linear(client) == 6.0
    await asyncio.to_thread(asked, "load", "1")
    assert await count(client, 2) == 2


async def test_a_version_whose_runs_end_the_shared_process_gets_its_own(stack, client, supervisor):
    await deploy_linear(client)
    await deploy(client, "counter", counter())
    assert (await predict_linear(client), await count(client, 3)) == (6.0, 3)
    assert len(set((await processes(supervisor)).values())) == 1, "two versions, one process"
    await unload_and_load(stack, supervisor, client)
    for _ in range(2):
        (shared,) = set((await processes(supervisor)).values())
        await kill_in_the_middle_of_a_run(client, supervisor, shared)
        assert await predict_linear(client) == 6.0
        if _ == 0:
            assert await count(client, 4) == 4, "one crash may have been anybody's"
    # Refused beside others once it is asked, and moved at the next look of the pipeline.
    assert await count(client, 5) == 5
    assert len(set((await processes(supervisor)).values())) == 2
    assert await predict_linear(client) == 6.0
