"""What was deployed answers again after the platform was stopped and started, and the command says so."""

import asyncio
import json
import os
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor

import nats
import pytest
from command_line import within
from forgepoint.registry.v1 import registry_pb2
from fp_events import STREAMS
from fp_rpc import BearerToken, Channels
from fp_supervisor import SupervisorClient
from fp_supervisor.launch import SOCKET
from fp_testkit.patience import PATIENCE
from fp_testkit.streams import admits
from platform_client import UP, Client, Platform, deploy_linear, fp, predict_linear


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """`stack(*UP)`: the command on a platform of these tests' own, which each of them finds or starts."""
    home = tmp_path_factory.mktemp("home")
    data = home / "data"

    def run(*arguments: str):
        if arguments[0] in {"up", "down"}:
            return fp("-o", "json", *arguments, home=home, env={"FP_DATA": str(data)})
        # Beside the loop of the test: the command has a loop of its own.
        with ThreadPoolExecutor(1) as beside:
            return beside.submit(within, "-o", "json", *arguments, home=home, env={"FP_DATA": str(data)}).result()

    run.folder = data
    yield run
    run("down")


async def client_of(access):
    anonymous = Channels(None)
    token = await Client(anonymous.open(access.address, timeout=PATIENCE)).login(access.email, access.password)
    await anonymous.close()
    channels = Channels(BearerToken(token))
    return channels, Client(channels.open(access.address, timeout=PATIENCE))


async def test_production_answers_again_after_down_and_up(stack):
    assert stack(*UP).returncode == 0
    supervisor = SupervisorClient(stack.folder / SOCKET)
    channels, client = await client_of(await supervisor.access())
    await deploy_linear(client)
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
    await deploy_linear(client, "rotated")
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
