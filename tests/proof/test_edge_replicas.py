"""Two replicas of each service behind the edge, one of which is killed every second; PART=registry for one of them.

The platform has a process of each service besides, which does the same work without being reached by the edge. The
callers' channels repeat what may be sent twice; no attempt of theirs may reach a service more than once, since another
layer would have repeated it then.
"""

import asyncio
import itertools
import time
from collections import Counter

import asyncpg
import pytest
from fp_kernel import Error
from fp_rpc import BearerToken, Channels
from fp_testkit.patience import PATIENCE
from platform_client import deploy_linear, linear_model, new_version, predict_linear
from platform_replicas import *  # noqa: F403 -- fixtures are found by name
from service_work import WATCHED, WORKS, caller

pytestmark = pytest.mark.proof
SECONDS, READERS, WRITERS, CALLS = 30, 6, 2, 400
MOST_ATTEMPTS = 3
# The prediction by which the deployment was seen.
METERED = "SELECT count(*) FROM usage_facts WHERE meter = 'INFERENCE_REQUEST'"
COUNTED = """
CREATE TABLE IF NOT EXISTS proof_changes (id bigint GENERATED ALWAYS AS IDENTITY);
CREATE OR REPLACE FUNCTION proof_count() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO proof_changes DEFAULT VALUES; RETURN NULL; END $$;
CREATE OR REPLACE TRIGGER proof_count AFTER {changes} ON {table} FOR EACH ROW EXECUTE FUNCTION proof_count();
TRUNCATE proof_changes;
"""


@pytest.fixture
async def call_through(admin_token):
    """`call_through(address)`: as the first admin."""
    channels, numbers = Channels(BearerToken(admin_token)), itertools.count()
    yield lambda address: caller(channels.open(address, timeout=PATIENCE), lambda: f"proof-{next(numbers)}")
    await channels.close()


@pytest.fixture
async def pair(noun, platform_replicas, started):
    """The two, and the edge in front of them."""
    both = [platform_replicas.process(noun, number) for number in (1, 2)]
    await asyncio.gather(*(started(process) for process in both))
    edge = await started(platform_replicas.edge(**{noun: ",".join(process.address for process in both)}))
    return both, edge


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
async def test_calls_spread_over_both_replicas(noun, pair, call_through):
    both, edge = pair
    call = call_through(edge.address)

    await asyncio.gather(*(call(WORKS[noun].read) for _ in range(CALLS)))

    shares = [process.arrived().total() for process in both]
    print(f"\n{noun}: {shares}")
    assert sum(shares) >= CALLS
    assert min(shares) > 0.3 * sum(shares)


@pytest.mark.parametrize("noun", WORKS)
async def test_no_read_fails_and_no_command_runs_twice_while_one_dies_every_second(noun, pair, changes, call_through):
    both, edge = pair
    work, call = WORKS[noun], call_through(edge.address)
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
        kills = await killed_in_turn(both)
        over.set()
    arrived = both[0].arrived() + both[1].arrived()
    again = sum(times for line, times in arrived.items() if not line.endswith(" 0"))
    at_edge = await edge.figure("envoy_cluster_upstream_rq_retry")
    print(
        f"\n{noun}: {kills} kills, {done['read']} reads, {done['command']} commands, {len(failures)} failures;"
        f" sent again: {again} by the channel, {at_edge:.0f} by the edge before they reached a service"
    )
    assert failures == []
    assert await settled(changes, done["command"]) == done["command"]
    assert [line for line, times in arrived.items() if times > 1] == []
    assert max(int(line.rpartition(" ")[2]) for line in arrived) < MOST_ATTEMPTS


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
