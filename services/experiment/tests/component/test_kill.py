"""kill -9 of the whole process while clients log and events come."""

import asyncio
import os
import signal
import sys

import httpx
from forgepoint.events.v1 import events_pb2 as events
from forgepoint.experiment.v1 import experiment_pb2 as pb
from forgepoint.experiment.v1.experiment_pb2_grpc import ExperimentTrackerServiceStub
from fp_events import Event
from fp_kernel import Error
from fp_rpc import BearerToken, Channels
from fp_testkit.http import NO_TLS
from fp_testkit.patience import PATIENCE
from fp_testkit.ports import free_port
from pydantic import SecretStr

CALLS, POINTS, KILLS = 60, 5, 2


class Process:
    """`python -m fp_experiment` on fixed ports, as often as it is killed."""

    def __init__(self, settings):
        values = {name: getattr(settings, name) for name in type(settings).model_fields}
        plain = {n: v.get_secret_value() if isinstance(v, SecretStr) else v for n, v in values.items() if v is not None}
        self.grpc_port, self.http_port = free_port(), free_port()
        own = {f"FP_{name.upper()}": str(value) for name, value in plain.items()}
        ports = {"FP_GRPC_PORT": str(self.grpc_port), "FP_HTTP_PORT": str(self.http_port)}
        self._environment = {"PATH": os.environ["PATH"], **own, **ports}

    async def start(self):
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "fp_experiment", stderr=asyncio.subprocess.DEVNULL, env=self._environment
        )
        async with asyncio.timeout(PATIENCE), httpx.AsyncClient(timeout=PATIENCE, verify=NO_TLS) as http:
            while not await self._ready(http):
                await asyncio.sleep(0.05)

    async def end(self, how):
        self._process.send_signal(how)
        await self._process.wait()

    async def _ready(self, http):
        try:
            return (await http.get(f"http://127.0.0.1:{self.http_port}/readyz")).json()["status"] == "ready"
        except httpx.HTTPError:
            return False


async def call(stub, request):
    """Sent again with the same key until it is answered."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await stub(request)
            except Error:
                await asyncio.sleep(0.05)


def promoted(n):
    payload = events.ModelVersionCreated(model_name="late", version=str(n), run_id="x", version_id=f"v{n}")
    return Event("fp.models.version.created", payload, team="alpha", resource_id="m", summary="New.", source="test")


async def test_killed_again_and_again_it_keeps_what_it_answered_and_counts_every_event_once(
    settings, issuer, bus, database
):
    process = Process(settings)
    await process.start()
    channels = Channels(BearerToken(issuer.identity.engineer("alpha")))
    # Short, because what hangs with a killed process is asked again.
    stub = ExperimentTrackerServiceStub(channels.open(f"127.0.0.1:{process.grpc_port}", timeout=5))
    experiment = (await stub.CreateExperiment(pb.CreateExperimentRequest(name="flights"), timeout=PATIENCE)).experiment
    run = (await stub.StartRun(pb.StartRunRequest(experiment_id=experiment.id), timeout=PATIENCE)).run
    answered = []

    async def log():
        for n in range(CALLS):
            points = [pb.MetricPoint(key="loss", value=n, step=n * POINTS + step) for step in range(POINTS)]
            request = pb.LogMetricsRequest(run_id=run.id, points=points, idempotency_key=f"k{n}")
            answered.append((await call(stub.LogMetrics, request)).accepted_count)
            await bus.publish([promoted(n)])

    async with asyncio.TaskGroup() as group:
        logging = group.create_task(log())
        for kill in range(1, KILLS + 1):
            while len(answered) < kill * CALLS // (KILLS + 1):
                await asyncio.sleep(0.01)
            await process.end(signal.SIGKILL)
            assert await database.fetchval("SELECT count(*) FROM metric_points") >= sum(answered)
            await process.start()
        await logging
    async with asyncio.timeout(PATIENCE):
        while await database.fetchval("SELECT count(*) FROM fp_inbox") < CALLS:
            await asyncio.sleep(0.05)
    # Each call was answered as if it had been made once, whoever of them answered.
    assert answered == [POINTS] * CALLS
    assert await database.fetchval("SELECT count(*) FROM metric_points") == CALLS * POINTS
    assert await database.fetchval("SELECT count(*) FROM lineage_edges WHERE relation = 'PRODUCED'") == CALLS
    await channels.close()
    await process.end(signal.SIGTERM)
