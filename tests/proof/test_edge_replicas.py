"""Two replicas of each service behind the edge, one of which is killed every second; PART=registry for one of them.

The platform has a process of each service besides, which does the same work without being reached by the edge. The
callers' channels repeat what may be sent twice; no attempt of theirs may reach a service more than once, since another
layer would have repeated it then.
"""

import asyncio
import itertools
import time
from collections import Counter
from dataclasses import dataclass

import asyncpg
import httpx
import pytest
from fp_kernel import Error
from fp_rpc import BearerToken, Channels
from fp_testkit.edge_process import EdgeProcess
from fp_testkit.http import NO_TLS
from fp_testkit.patience import PATIENCE
from platform_client import deploy_linear, linear_model, new_version, predict_linear
from platform_replicas import *  # noqa: F403 -- fixtures are found by name
from platform_replicas import NotedProcess
from service_work import GATEWAY, MOST_ATTEMPTS, WATCHED, WORKS, caller, web_caller

pytestmark = pytest.mark.proof
SECONDS, READERS, WRITERS, CALLS = 30, 6, 2, 400
HTTP_REQUESTS = "fp_gateway_http_requests_total{"
# The prediction by which the deployment was seen.
METERED = "SELECT count(*) FROM usage_facts WHERE meter = 'INFERENCE_REQUEST'"
COUNTED = """
CREATE TABLE IF NOT EXISTS proof_changes (id bigint GENERATED ALWAYS AS IDENTITY);
CREATE OR REPLACE FUNCTION proof_count() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO proof_changes DEFAULT VALUES; RETURN NULL; END $$;
CREATE OR REPLACE TRIGGER proof_count AFTER {changes} ON {table} FOR EACH ROW EXECUTE FUNCTION proof_count();
TRUNCATE proof_changes;
"""


@dataclass
class Stage:
    """both: the two replicas. noted: the processes that note what reaches them: those, or the one behind them."""

    both: list[NotedProcess]
    noted: list[NotedProcess]
    edge: EdgeProcess

    def arrived(self):
        return sum((process.arrived() for process in self.noted), Counter())


@pytest.fixture
async def stage(noun, platform_replicas, started):
    """Two replicas and the edge in front of them."""
    behind = {}
    if noun == GATEWAY:
        registry = await started(platform_replicas.process("registry", 0))
        behind["FP_REGISTRY_ADDR"] = registry.address
    both = [platform_replicas.process(noun, number, **behind) for number in (1, 2)]
    await asyncio.gather(*(started(process) for process in both))
    addresses = {noun: ",".join(process.address for process in both)}
    if noun == GATEWAY:
        ports = [process.environment["FP_GATEWAY_HTTP_PORT"] for process in both]
        addresses["gateway_http"] = ",".join(f"127.0.0.1:{port}" for port in ports)
    edge = await started(platform_replicas.edge(**addresses))
    return Stage(both, [registry] if noun == GATEWAY else both, edge)


@pytest.fixture
async def call(noun, stage, admin_token):
    """Through the edge, as the first admin."""
    channels, numbers = Channels(BearerToken(admin_token)), itertools.count()
    bearer = {"authorization": f"Bearer {admin_token}"}

    def ids():
        return f"proof-{next(numbers)}"

    async with httpx.AsyncClient(
        base_url=f"http://{stage.edge.address}", headers=bearer, timeout=PATIENCE, verify=NO_TLS
    ) as http:
        channel = channels.open(stage.edge.address, timeout=PATIENCE)
        yield web_caller(http, ids) if noun == GATEWAY else caller(channel, ids)
    await channels.close()


async def handled(process):
    """Calls that a replica has answered in this life."""
    if process.noun != GATEWAY:
        return process.arrived().total()
    lines = [line for line in (await process._get("/metrics")).splitlines() if line.startswith(HTTP_REQUESTS)]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


@pytest.fixture
async def changes(noun, platform, admin):
    """`await changes()`: what the service's commands have left, since this began to count."""
    work = WORKS[noun]
    if work.setting == "served":
        await deploy_linear(admin)
        await predict_linear(admin)
    if work.setting == "registered":
        await new_version(admin, WATCHED, linear_model())
    database = await asyncpg.connect(platform.access.databases[work.keeper or noun])
    async with asyncio.timeout(3 * PATIENCE):
        while work.setting == "served" and not await database.fetchval(METERED):
            await asyncio.sleep(0.1)
    await database.execute(COUNTED.format(table=work.table, changes=work.changes))
    yield lambda: database.fetchval("SELECT count(*) FROM proof_changes")
    await database.execute(f"DROP TRIGGER proof_count ON {work.table}")
    await database.close()


@pytest.mark.parametrize("noun", WORKS)
async def test_calls_spread_over_both_replicas(noun, stage, call):
    await asyncio.gather(*(call(WORKS[noun].read) for _ in range(CALLS)))

    shares = [await handled(process) for process in stage.both]
    print(f"\n{noun}: {shares}")
    assert sum(shares) >= CALLS
    assert min(shares) > 0.3 * sum(shares)


@pytest.mark.parametrize("noun", WORKS)
async def test_no_read_fails_and_no_command_runs_twice_while_one_dies_every_second(noun, stage, changes, call):
    work = WORKS[noun]
    over, failures, done = asyncio.Event(), [], Counter()

    async def one(kind, number):
        for turn in itertools.count():
            if over.is_set():
                return
            try:
                answered = await (call(work.read) if kind == "read" else work.command(call, f"{noun}-{number}-{turn}"))
                done[kind] += 1 if kind == "read" else answered
            except Error as error:
                failures.append((kind, repr(error)))

    async with asyncio.TaskGroup() as group:
        for kind, count in (("read", READERS), ("command", WRITERS)):
            for number in range(count):
                group.create_task(one(kind, number))
        kills = await killed_in_turn(stage.both)
        over.set()
    arrived = stage.arrived()
    again = sum(times for line, times in arrived.items() if not line.endswith(" 0"))
    at_edge = await stage.edge.figure("envoy_cluster_upstream_rq_retry")
    print(
        f"\n{noun}: {kills} kills, {done['read']} reads, {done['command']} commands, {len(failures)} failures;"
        f" sent again: {again} by the channel, {at_edge:.0f} by the edge before they reached a service"
    )
    assert failures == []
    assert min(done["read"], done["command"]) > 0
    assert await settled(changes, done["command"]) == done["command"]
    assert [line for line, times in arrived.items() if times > 1] == []
    # What comes by the gateway is repeated by who called it, and not by the gateway.
    assert max(int(line.rpartition(" ")[2]) for line in arrived) < (1 if noun == GATEWAY else MOST_ATTEMPTS)


async def killed_in_turn(both):
    """One a second, each after the last one was ready again; how many."""
    kills, end = 0, time.monotonic() + SECONDS
    while time.monotonic() < end:
        process, began = both[kills % 2], time.monotonic()
        await process.kill()
        kills += 1
        await process.start()
        await asyncio.sleep(max(0.0, began + 1 - time.monotonic()))
    return kills


async def settled(count, expected):
    """What it is a while after it was as much as expected: events arrive later than answers."""
    async with asyncio.timeout(3 * PATIENCE):
        while (found := await count()) < expected:
            await asyncio.sleep(0.1)
    await asyncio.sleep(2)
    return max(found, await count())
