"""Runtimes and jobs of a laptop keep the contracts of the ports."""

import asyncio
import json
import os
import uuid
from dataclasses import replace
from pathlib import Path

import pytest
from fp_pipeline.adapters import supervisor
from fp_pipeline.domain.replicas import Replicas
from fp_rpc.client.targets import addresses_of
from fp_supervisor import SupervisorClient, launch
from fp_testkit.patience import PATIENCE
from pipeline_contracts.jobs import JobRunnerContract
from pipeline_contracts.runtimes import ModelRuntimeContract, name_of, of_version

PROGRAMS = Path(__file__).parents[1] / "programs"


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """Of a supervisor without services."""
    root = tmp_path_factory.mktemp("supervised")
    catalog, folder = root / "catalog.json", root / "data"
    catalog.write_text(json.dumps([]))
    known = {**os.environ, "PYTHONPATH": str(PROGRAMS)}
    found = SupervisorClient(folder / launch.SOCKET)

    async def up():
        await launch.ensure(folder, options=("--catalog", str(catalog), "--preload", "json"), environment=known)
        await found.wait_ready(PATIENCE)

    asyncio.run(up())
    yield found
    asyncio.run(launch.stop(folder))


class TestJobs(JobRunnerContract):
    @pytest.fixture
    def jobs(self, client):
        return supervisor.SupervisedJobs(client)

    @pytest.fixture
    def name(self):
        return f"job-{uuid.uuid4().hex}-1-train"


class TestRuntimes(ModelRuntimeContract):
    @pytest.fixture
    async def runtimes(self, client, monkeypatch):
        monkeypatch.setattr(supervisor, "_MODULE", "contract_runtime")
        kept = supervisor.SupervisedRuntimes(client)
        yield kept
        for name in await kept.running():
            await kept.stop(name)

    async def test_replicas_have_processes_of_their_own_and_those_that_stay_keep_theirs(self, runtimes):
        """A laptop's replicas are ended here; a cluster ends pods by itself."""
        name, spec = name_of(1), of_version("1")
        one = await runtimes.start(name, spec)
        three = addresses_of(await runtimes.start(name, replace(spec, replicas=Replicas(3, 3))))
        assert (three[0], len(set(three))) == (one, 3)

        two = addresses_of(await runtimes.start(name, replace(spec, replicas=Replicas(2, 2))))
        assert two == three[:2]
        assert addresses_of((await runtimes.running())[name]) == three, "they answer what they have yet"

        await runtimes.trim(name, Replicas(2, 2))
        assert addresses_of((await runtimes.running())[name]) == two
