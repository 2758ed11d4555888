"""Two replicas of a service behind the edge, one of which is killed every second."""

import asyncio
import time
from collections import Counter

import pytest
from forgepoint.experiment.v1 import experiment_pb2 as pb
from forgepoint.experiment.v1.experiment_pb2_grpc import ExperimentTrackerServiceStub
from fp_kernel import Error, new_id
from fp_postgres import Database
from fp_rpc import BearerToken, Channels
from fp_testkit.patience import PATIENCE

pytestmark = pytest.mark.proof
SECONDS, READERS, WRITERS = 30, 6, 2


@pytest.fixture
async def stub(issuer):
    """`stub(address)`: as a person of team alpha."""
    channels = Channels(BearerToken(issuer.identity.admin("alpha")))
    yield lambda address: ExperimentTrackerServiceStub(channels.open(address, timeout=PATIENCE))
    await channels.close()


async def handled(process):
    """Calls that a process has answered."""
    text = await process._get("/metrics")
    lines = [line for line in text.splitlines() if "grpc_requests_total{" in line and "ListExperiments" in line]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


async def test_calls_spread_over_both_replicas(replicas, edge_before, stub):
    pair = await replicas("experiment")
    edge = await edge_before(experiment=f"{pair.first.address},{pair.second.address}")
    tracker = stub(edge.address)

    await asyncio.gather(*(tracker.ListExperiments(pb.ListExperimentsRequest()) for _ in range(400)))

    shares = [await handled(process) for process in (pair.first, pair.second)]
    print(f"\n{shares}")
    assert sum(shares) >= 400
    assert min(shares) > 0.3 * sum(shares)


async def test_no_read_fails_and_no_command_runs_twice_while_one_dies_every_second(replicas, edge_before, stub):
    pair = await replicas("experiment")
    edge = await edge_before(experiment=f"{pair.first.address},{pair.second.address}")
    tracker, over, failures, created = stub(edge.address), asyncio.Event(), [], Counter()
    reads = [0]

    async def read():
        while not over.is_set():
            try:
                await tracker.ListExperiments(pb.ListExperimentsRequest(), timeout=20)
            except Error as error:
                failures.append(("read", repr(error)))
            reads[0] += 1

    async def write(number):
        turn = 0
        while not over.is_set():
            turn += 1
            name = f"experiment-{number}-{turn}"
            key = (("idempotency-key", new_id()),)
            try:
                answer = await tracker.CreateExperiment(pb.CreateExperimentRequest(name=name), metadata=key, timeout=20)
                created[answer.experiment.name] += 1
            except Error as error:
                failures.append(("command", repr(error)))

    kills = 0
    async with asyncio.TaskGroup() as group:
        for _ in range(READERS):
            group.create_task(read())
        for number in range(WRITERS):
            group.create_task(write(number))
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            process = (pair.first, pair.second)[kills % 2]
            began = time.monotonic()
            await process.kill()
            kills += 1
            await process.start()
            await asyncio.sleep(max(0.0, began + 1 - time.monotonic()))
        over.set()
    database = await Database.connect(pair.database_url, source="proof")
    rows = await database.fetch("SELECT name, count(*) AS times FROM experiments GROUP BY name")
    await database.close()
    retried = await edge.figure("envoy_cluster_upstream_rq_retry")
    print(f"\n{kills} kills, {reads[0]} reads, {len(created)} commands, {len(failures)} failures, {retried:.0f} again")
    assert failures == []
    assert {row["name"]: row["times"] for row in rows} == dict(created)
    assert set(created.values()) == {1}
