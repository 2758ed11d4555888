"""What was deployed answers again after the platform was stopped and started, and the command says so."""

import asyncio
import json

import pytest
from fp_devstack.client import SupervisorClient
from fp_devstack.launch import SOCKET
from fp_rpc import BearerToken, Channels
from fp_testkit.patience import PATIENCE
from platform_client import Client, deploy_linear, fp, predict_linear


@pytest.fixture
def stack(tmp_path):
    """`stack("up")`: the command on a platform of this test's own, stopped after it."""
    data = tmp_path / "data"

    def run(*arguments: str):
        return fp("-o", "json", *arguments, home=tmp_path, env={"FP_DATA": str(data)})

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
    assert stack("up").returncode == 0
    supervisor = SupervisorClient(stack.folder / SOCKET)
    channels, client = await client_of(await supervisor.access())
    await deploy_linear(client)
    await channels.close()

    assert stack("down").returncode == 0
    assert stack("status").returncode == 7
    assert stack("up").returncode == 0

    channels, client = await client_of(await supervisor.access())
    assert await predict_linear(client) == 6.0
    await channels.close()
    # Services are ready when `fp up` returns; the runtime answers a moment before the supervisor has asked it.
    async with asyncio.timeout(PATIENCE):
        while (status := json.loads(stack("status").stdout)) and states(status) != {"READY"}:
            await asyncio.sleep(0.2)
    assert status["ready"]


def states(status):
    return {process["state"] for process in status["processes"]}
