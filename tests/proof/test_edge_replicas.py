"""Two replicas of each service behind the edge, one of which is killed every second: PART=together, of all services at
once; PART=registry, of one of them, which has more load.

The platform has a process of each service besides, which does the same work without being reached by the edge. The
callers' channels repeat what may be sent twice; no attempt of theirs may reach a service more than once, since another
layer would have repeated it then.
"""

import asyncio
import itertools
import time
from collections import Counter, deque
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from statistics import median

import asyncpg
import httpx
import pytest
from forked_replicas import *  # noqa: F403 -- fixtures are found by name
from forked_replicas import ForkedProcess
from fp_rpc import BearerToken, Channels
from fp_testkit.edge_process import EdgeProcess
from fp_testkit.http import NO_TLS
from fp_testkit.patience import PATIENCE
from platform_client import deploy_linear, linear_model, new_version, predict_linear
from platform_replicas import *  # noqa: F403 -- fixtures are found by name
from platform_replicas import NotedProcess
from service_work import GATEWAY, MOST_ATTEMPTS, WATCHED, WORKS, Load, caller, web_caller

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


# Of all services at once: callers of each, and seconds between their calls.
_FEW, _PAUSE = 2, 0.1
TOGETHER = pytest.mark.parametrize("nouns", [pytest.param(tuple(WORKS), id="together")])


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
    edge = await started(platform_replicas.edge(**addresses_of(both)))
    return Stage(both, [registry] if noun == GATEWAY else both, edge)


def addresses_of(both):
    """As the edge is told them."""
    addresses = {both[0].noun: ",".join(process.address for process in both)}
    if both[0].noun == GATEWAY:
        ports = [process.environment["FP_GATEWAY_HTTP_PORT"] for process in both]
        addresses["gateway_http"] = ",".join(f"127.0.0.1:{port}" for port in ports)
    return addresses


@pytest.fixture
async def through(admin_token):
    """`through(edge)`: a caller of each noun, as the first admin."""
    async with AsyncExitStack() as stack:

        async def start(edge):
            channels, numbers = Channels(BearerToken(admin_token)), itertools.count()
            stack.push_async_callback(channels.close)
            bearer = {"authorization": f"Bearer {admin_token}"}
            web = httpx.AsyncClient(base_url=f"http://{edge.address}", headers=bearer, timeout=PATIENCE, verify=NO_TLS)
            http = await stack.enter_async_context(web)

            def ids():
                return f"proof-{next(numbers)}"

            direct = caller(channels.open(edge.address, timeout=PATIENCE), ids)
            return {noun: web_caller(http, ids) if noun == GATEWAY else direct for noun in WORKS}

        yield start


@pytest.fixture
async def call(noun, stage, through):
    return (await through(stage.edge))[noun]


async def handled(process):
    """Calls that a replica has answered in this life."""
    if process.noun != GATEWAY:
        return process.arrived().total()
    lines = [line for line in (await process._get("/metrics")).splitlines() if line.startswith(HTTP_REQUESTS)]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


@pytest.fixture
async def counted(platform, admin):
    """`count = await counted(noun)`: `await count()` is what commands have left in its table, since this began."""
    async with AsyncExitStack() as stack:

        async def start(noun):
            work = WORKS[noun]
            if work.setting == "served":
                await deploy_linear(admin)
                await predict_linear(admin)
            if work.setting == "registered":
                await new_version(admin, WATCHED, linear_model())
            database = await asyncpg.connect(platform.access.databases[work.keeper or noun])
            stack.push_async_callback(database.close)
            async with asyncio.timeout(3 * PATIENCE):
                while work.setting == "served" and not await database.fetchval(METERED):
                    await asyncio.sleep(0.1)
            await database.execute(COUNTED.format(table=work.table, changes=work.changes))
            stack.push_async_callback(database.execute, f"DROP TRIGGER IF EXISTS proof_count ON {work.table}")
            return lambda: database.fetchval("SELECT count(*) FROM proof_changes")

        yield start


@pytest.fixture
async def changes(noun, counted):
    return await counted(noun)


@pytest.mark.parametrize("noun", WORKS)
async def test_calls_spread_over_both_replicas(noun, stage, call):
    await asyncio.gather(*(call(WORKS[noun].read) for _ in range(CALLS)))

    shares = [await handled(process) for process in stage.both]
    print(f"\n{noun}: {shares}")
    assert sum(shares) >= CALLS
    assert min(shares) > 0.3 * sum(shares)


@pytest.mark.parametrize("noun", WORKS)
async def test_no_read_fails_and_no_command_runs_twice_while_one_dies_every_second(noun, stage, changes, call):
    load = Load()
    async with asyncio.TaskGroup() as group:
        load.start(group, noun, call, READERS, WRITERS)
        kills = await killed_in_turn(stage.both)
        load.over.set()
    failures, done, arrived = load.failures, load.done[noun], stage.arrived()
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


@pytest.fixture
async def fleet(nouns, platform_replicas, zygote, started):
    """Two replicas of each, and behind the gateway one more of registry, which notes what the gateway asks."""
    registry = await started(platform_replicas.process("registry", 0))
    make = partial(ForkedProcess, zygote=zygote)
    both = {}
    for noun in nouns:
        behind = {"FP_REGISTRY_ADDR": registry.address} if noun == GATEWAY else {}
        both[noun] = [platform_replicas.process(noun, number, make, **behind) for number in (1, 2)]
        await asyncio.gather(*(started(process) for process in both[noun]))
    addresses = {}
    for each in both.values():
        addresses |= addresses_of(each)
    return both, registry, await started(platform_replicas.edge(**addresses))


@TOGETHER
async def test_one_replica_of_some_service_dies_every_second_and_nobody_notices(nouns, fleet, through, counted):
    both, registry, edge = fleet
    # What has a setting comes first: it leaves changes in the tables of others.
    counts = {noun: await counted(noun) for noun in sorted(nouns, key=lambda noun: not WORKS[noun].setting)}
    calls, load = await through(edge), Load(_PAUSE)
    async with asyncio.TaskGroup() as group:
        for noun in nouns:
            load.start(group, noun, calls[noun], _FEW, 1)
        kills, starts = await killed_by_the_clock(both)
        load.over.set()
    reads, commands = (sum(done[kind] for done in load.done.values()) for kind in ("read", "command"))
    processes = [process for each in both.values() for process in each]
    arrived = sum((process.arrived() for process in processes), registry.arrived())
    asked = Counter({line: times for line, times in arrived.items() if line.startswith("proof-")})
    again = sum(times for line, times in asked.items() if not line.endswith(" 0"))
    at_edge = await edge.figure("envoy_cluster_upstream_rq_retry")
    print(
        f"\n{dict(kills)}: {kills.total()} kills in {SECONDS} s,"
        f" back after {median(starts):.1f} s, the slowest {max(starts):.1f};"
        f" {reads} reads, {commands} commands, {len(load.failures)} failures;"
        f" sent again: {again} by the channels, {at_edge:.0f} by the edge before they reached a service"
    )
    assert load.failures == []
    assert min(min(done["read"], done["command"]) for done in load.done.values()) > 0
    assert [line for line, times in asked.items() if times > 1] == []
    for noun, count in counts.items():
        if WORKS[noun].keeper:
            continue
        expected = sum(load.done[each]["command"] for each in nouns if noun in (each, WORKS[each].keeper))
        assert (noun, await settled(count, expected)) == (noun, expected)
    assert set(kills) == set(nouns)
    assert kills.total() == SECONDS, "starts need the machine for themselves"


async def killed_by_the_clock(both):
    """One each second, on the second: how many of each service, and the seconds after which each was back.

    The services have their turns; one of which only one replica is back leaves its turn to the next, since no client
    could be served by none.
    """
    turns, began, kills, starts = deque(both), time.monotonic(), Counter(), []

    async def back(process):
        dead = time.monotonic()
        await process.start()
        starts.append(time.monotonic() - dead)

    async with asyncio.TaskGroup() as group:
        for second in range(SECONDS):
            await asyncio.sleep(max(0.0, began + second - time.monotonic()))
            whole = [noun for noun in turns if all(process.ready for process in both[noun])]
            if not whole:
                # Starts do not keep up: told by the number of kills.
                continue
            noun = whole[0]
            turns.remove(noun)
            turns.append(noun)
            dying = both[noun][kills[noun] % 2]
            await dying.kill()
            kills[noun] += 1
            group.create_task(back(dying))
        await asyncio.sleep(max(0.0, began + SECONDS - time.monotonic()))
    return kills, starts


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
