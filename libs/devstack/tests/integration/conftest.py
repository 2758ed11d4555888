import asyncio
import contextlib
import json
import os
import signal
import urllib.request
from pathlib import Path

import psutil
import pytest
from fp_supervisor import SupervisorClient, launch
from fp_testkit.patience import PATIENCE, Bound

PROGRAMS = Path(__file__).parents[1] / "programs"


def _gone(pid):
    """A zombie has ended; who reaps it is not our business."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _family(pid):
    process = psutil.Process(pid)
    return [pid, *(each.pid for each in process.children(recursive=True))]


async def _until(condition, what="the condition"):
    """Waits for something outside this process."""
    bound = Bound()
    while True:
        answer = condition()
        if asyncio.iscoroutine(answer):
            answer = await answer
        if answer:
            return answer
        assert not bound.over, f"{what} did not come true"
        await asyncio.sleep(0.03)


def _ask(address, path="/"):
    with urllib.request.urlopen(f"http://{address}{path}", timeout=PATIENCE) as answer:
        return json.load(answer)


@pytest.fixture
def gone():
    """`gone(pid)`: whether the process has ended."""
    return _gone


@pytest.fixture
def family():
    """`family(pid)`: the process and all that descend from it."""
    return _family


@pytest.fixture
def until():
    """`await until(condition)`: waits for something outside this process, and gives it."""
    return _until


@pytest.fixture
def ask():
    """`ask("host:port")`: what a dummy service says of itself."""
    return _ask


class House:
    """A data folder with a supervisor of its own."""

    def __init__(self, folder, services):
        self.folder, self.root = folder, folder.parent
        self.services = services
        self.client = SupervisorClient(folder / launch.SOCKET)

    async def up(self, *, seconds=PATIENCE, **environment):
        catalog = self.root / "catalog.json"
        catalog.write_text(json.dumps(self.services))
        options = ("--catalog", str(catalog), "--preload", "json")
        known = {**os.environ, "PYTHONPATH": str(PROGRAMS), **environment}
        await launch.ensure(self.folder, options=options, environment=known)
        return await self.client.wait_ready(seconds)

    async def down(self):
        return await launch.stop(self.folder)

    @property
    def pid(self):
        return int((self.folder / "supervisor.pid").read_text())

    async def process(self, name):
        return next(each for each in (await self.client.status()).processes if each.name == name)

    async def die(self):
        """As if the machine's memory had run out; gives everything that ran."""
        pids = _family(self.pid)
        os.kill(self.pid, signal.SIGKILL)
        await _until(lambda: all(_gone(pid) for pid in pids), "the end of every process")
        return pids


@pytest.fixture
async def house(tmp_path):
    """`house(service, ...)`: a folder for these services, not started."""
    made = []

    def make(*services):
        made.append(House(tmp_path / "data", list(services)))
        return made[-1]

    yield make
    for each in made:
        with contextlib.suppress(FileNotFoundError):
            await each.down()


@pytest.fixture(scope="module")
def standing(tmp_path_factory):
    """`standing(service, ...)`: a folder for these services, started; for tests that leave it as it is."""
    made = []

    def make(*services):
        house = House(tmp_path_factory.mktemp("house") / "data", list(services))
        made.append(house)
        asyncio.run(house.up())
        return house

    yield make
    for each in made:
        asyncio.run(each.down())


@pytest.fixture
def alpha():
    return {"noun": "alpha", "module": "dummy_service"}
