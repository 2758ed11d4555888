"""Each process of a version says what it has, and one that is away hides no other."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

from fp_kernel import DeadlineExceeded, Unavailable, new_id
from fp_pipeline.adapters import serving
from fp_pipeline.adapters.serving import GrpcModels
from fp_pipeline.app.peers import Actor
from fp_pipeline.app.version_runtimes import ModelStatus, VersionRuntimes
from fp_pipeline.domain.deployment import Deployment
from fp_testkit.patience import PATIENCE

ANN = Actor("alpha", "ann")
AWAY = "10.0.0.2:9"


class Models(GrpcModels):
    """Answers when as many as `processes` have been asked at the same time; AWAY does not answer."""

    def __init__(self, processes):
        super().__init__(None, timeout=PATIENCE)
        self._together = asyncio.Barrier(processes)

    async def _ask(self, actor, address, call):
        await self._together.wait()
        if address == AWAY:
            raise Unavailable("nothing listens")
        return ModelStatus("READY", address)


def deployment(endpoint):
    at = datetime(2013, 3, 1, tzinfo=UTC)
    return Deployment("r", "alpha", "m", "delays", "v", "1", endpoint, 10_000, new_id(), at)


async def asked(endpoint, processes):
    async with asyncio.timeout(PATIENCE):
        return await Models(processes).statuses(ANN, deployment(endpoint))


async def test_all_are_asked_at_once_and_each_has_a_row():
    first, away, last = await asked(f"ipv4:10.0.0.1:9,{AWAY},10.0.0.3:9", 3)
    assert [(each.replica, each.state, each.message) for each in (first, last)] == [
        (1, "READY", "10.0.0.1:9"),
        (3, "READY", "10.0.0.3:9"),
    ]
    assert (away.replica, away.state) == (2, "")
    assert "does not answer" in away.message


async def test_one_alone_has_no_number():
    (only,) = await asked("10.0.0.1:9", 1)
    assert (only.replica, only.state) == (0, "READY")


async def test_each_address_behind_a_name_has_a_row(monkeypatch):
    async def resolve(name):
        return [f"10.0.0.{each}:{name.port}" for each in (1, 3)]

    monkeypatch.setattr(serving, "resolve", resolve)
    found = await asked("dns:///delays.runtimes:9090", 2)
    assert [(each.replica, each.message) for each in found] == [(1, "10.0.0.1:9090"), (2, "10.0.0.3:9090")]


async def test_a_name_that_is_not_known_is_a_row_too(monkeypatch):
    async def resolve(_):
        raise Unavailable("the name of a runtime is not known now")

    monkeypatch.setattr(serving, "resolve", resolve)
    (found,) = await asked("dns:///delays.runtimes:9090", 1)
    assert found.state == ""


async def test_an_unload_that_takes_its_time_says_how_it_stands_also_while_a_process_is_replaced():
    there = replace(deployment("ipv4:10.0.0.1:9,10.0.0.3:9"), shared=True)

    class Draining(Models):
        async def unload(self, actor, deployment, reason):
            raise DeadlineExceeded("its last requests are answered")

    class Live:
        async def live(self, team, model_name):
            return [there]

    async with asyncio.timeout(PATIENCE):
        found = await VersionRuntimes(Live(), Draining(2)).unload(ANN, "delays", "1", "")
    assert found.status.message == "10.0.0.1:9"
