"""What was deployed answers again after the platform was stopped and started, and whatever else the tests of one
platform can do to it.
"""

import asyncio
import json
import os
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor

import nats
import numpy as np
import onnx
import psutil
import pytest
from command_line import within
from counting_model import FOR_EVER, counter
from deployed_models import deploy, predict
from forgepoint.registry.v1 import registry_pb2
from fp_events import STREAMS
from fp_kernel import Error
from fp_rpc import BearerToken, Channels
from fp_supervisor import SupervisorClient
from fp_supervisor.launch import SOCKET
from fp_testkit.patience import PATIENCE
from fp_testkit.streams import admits
from platform_client import UP, Client, Platform, deploy_linear, fp, linear_model, predict_linear

# Versions with a smaller artifact share a process.
SHARED_BYTES = 8_192


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """`stack(*UP)`: the command on a platform of these tests' own, which each of them finds or starts."""
    home = tmp_path_factory.mktemp("home")
    data = home / "data"
    env = {"FP_DATA": str(data), "FP_PIPELINE_SHARED_MODEL_BYTES": str(SHARED_BYTES)}

    def run(*arguments: str, **more: str):
        if arguments[0] in {"up", "down"}:
            return fp("-o", "json", *arguments, home=home, env=env)
        # Beside the loop of the test: the command has a loop of its own.
        with ThreadPoolExecutor(1) as beside:
            return beside.submit(within, "-o", "json", *arguments, home=home, env=env | more).result()

    run.folder = data
    yield run
    run("down")


async def client_of(access):
    anonymous = Channels(None)
    token = await Client(anonymous.open(access.address, timeout=PATIENCE)).login(access.email, access.password)
    await anonymous.close()
    channels = Channels(BearerToken(token))
    return channels, Client(channels.open(access.address, timeout=PATIENCE))


def with_its_own_process() -> bytes:
    model = onnx.load_from_string(linear_model())
    model.doc_string = "x" * SHARED_BYTES
    return model.SerializeToString()


async def test_production_answers_again_after_down_and_up(stack):
    assert stack(*UP).returncode == 0
    supervisor = SupervisorClient(stack.folder / SOCKET)
    channels, client = await client_of(await supervisor.access())
    await deploy(client, "linear", with_its_own_process())
    await channels.close()

    assert stack("down").returncode == 0
    assert stack("status").returncode == 7
    assert stack(*UP).returncode == 0

    channels, client = await client_of(await supervisor.access())
    assert await predict_linear(client) == 6.0
    await channels.close()
    # Services are ready when `fp up` returns; the runtime answers a moment before the supervisor has asked it.
    async with asyncio.timeout(PATIENCE):
        while (status := json.loads(stack("status").stdout)) and states(status) != {"READY"}:
            await asyncio.sleep(0.2)
    assert status["ready"]


async def test_new_passwords_at_the_stores_reach_everybody_who_had_one(stack):
    assert stack(*UP).returncode == 0
    supervisor = SupervisorClient(stack.folder / SOCKET)
    channels, client = await client_of(before := await supervisor.access())
    await deploy(client, "rotated", with_its_own_process())
    old = json.loads((stack.folder / "secrets.json").read_text())

    rotated = stack("rotate-stores")

    assert (rotated.returncode, json.loads(rotated.stdout)["rotated"]) == (0, True), rotated.stderr
    assert await predict_linear(client, "rotated") == pytest.approx(6.0)
    assert (await client.registry.ListModels(registry_pb2.ListModelsRequest())).models
    await channels.close()
    new = json.loads((stack.folder / "secrets.json").read_text())
    stores = ("nats.", "valkey.", "s3.", "database.")
    changed = {name for name in old if old[name] != new[name]}
    assert changed == {name for name in old if name.startswith(stores)} | {"postgres.password"}
    # The operator's is one of them, and the command knows it.
    assert stack("events", "init").returncode == 0
    assert not await admits(before.nats_url)


async def count(client: Client, until: int) -> int:
    """As soon as it answers."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return int((await predict(client, "counter", {"n": np.array([until])}))["counted"][0])
            except Error:
                await asyncio.sleep(0.2)


async def processes(supervisor, but=()) -> dict[str, int | None]:
    return {each.name: each.pid for each in await supervisor.runtimes() if each.name not in but}


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
    assert await predict_linear(client, "small") == 6.0
    await asyncio.to_thread(asked, "load", "1")
    assert await count(client, 2) == 2


async def test_a_version_whose_runs_end_the_shared_process_gets_its_own(stack):
    assert stack(*UP).returncode == 0
    supervisor = SupervisorClient(stack.folder / SOCKET)
    channels, client = await client_of(await supervisor.access())
    others = await processes(supervisor)
    await deploy_linear(client, "small")
    await deploy(client, "counter", counter())
    assert (await predict_linear(client, "small"), await count(client, 3)) == (6.0, 3)
    assert len(set((await processes(supervisor, others)).values())) == 1, "two versions, one process"
    await unload_and_load(stack, supervisor, client)
    for _ in range(2):
        (shared,) = set((await processes(supervisor, others)).values())
        await kill_in_the_middle_of_a_run(client, supervisor, shared)
        assert await predict_linear(client, "small") == 6.0
        if _ == 0:
            assert await count(client, 4) == 4, "one crash may have been anybody's"
    # Refused beside others once it is asked, and moved at the next look of the pipeline.
    assert await count(client, 5) == 5
    assert len(set((await processes(supervisor, others)).values())) == 2
    assert await predict_linear(client, "small") == 6.0
    await channels.close()


async def test_a_bus_that_lost_its_data_has_its_streams_again_and_takes_events(stack):
    """No service may make them; the supervisor does."""
    assert stack(*UP).returncode == 0
    access = await SupervisorClient(stack.folder / SOCKET).access()
    status = json.loads(stack("status").stdout)
    pid = next(process["pid"] for process in status["processes"] if process["name"] == "nats")
    shutil.rmtree(stack.folder / "nats" / "data")
    os.kill(pid, signal.SIGKILL)

    channels, client = await client_of(access)
    await client.registry.RegisterModel(registry_pb2.RegisterModelRequest(name="after", framework="onnx"))
    await channels.close()
    bus = await nats.connect(Platform(stack.folder, access).admin_nats_url, connect_timeout=int(PATIENCE))
    try:
        async with asyncio.timeout(PATIENCE):
            while await stored(bus) != dict.fromkeys((stream.name for stream in STREAMS), True):
                await asyncio.sleep(0.2)
    finally:
        await bus.close()


async def stored(bus):
    """The streams, and whether each has what it must have."""
    try:
        found = await bus.jetstream(timeout=PATIENCE).streams_info()
    except nats.errors.Error:
        return {}
    return {info.config.name: info.config.name != "MODELS" or info.state.messages > 0 for info in found}


def states(status):
    return {process["state"] for process in status["processes"]}
