"""Two replicas at once, and stores that are away."""

import asyncio

from forgepoint.featurestore.v1 import featurestore_pb2 as pb
from fp_testkit.patience import PATIENCE

NOWHERE = "redis://127.0.0.1:1/0"


async def newest(caller, view, entity, temp):
    """Wait until the value is there; late replicas follow within seconds."""
    async with asyncio.timeout(PATIENCE):
        while (await caller.online(view, entity)).get(entity, {}).get("temp") != temp:
            await asyncio.sleep(0.02)


async def test_two_replicas_write_one_log_without_a_gap(start, make):
    callers = [(await start()).engineer() for _ in range(2)]
    view = await callers[0].define()

    async def write(number):
        row = make.values("shared", number % 7, temp=number), make.values(f"own{number}", 1, temp=number)
        return (await callers[number % 2].write(view, *row, key=f"k{number}")).written_through_version

    versions = await asyncio.gather(*(write(number) for number in range(40)))
    again = await asyncio.gather(*(write(number) for number in range(40)))
    assert sorted(versions) == list(range(2, 42))
    assert again == versions
    last = max((version, number) for number, version in enumerate(versions) if number % 7 == 6)[1]
    for caller in callers:
        await newest(caller, view, "shared", last)
        assert await caller.past(view, 10, "shared", known=1e9) == {"shared": {"temp": last}}
    before = [await caller.online(view, *(f"own{number}" for number in range(40))) for caller in callers]
    await (await start()).admin().stream(pb.RebuildViewsRequest(feature_view_id=view.id))
    after = [await caller.online(view, *(f"own{number}" for number in range(40))) for caller in callers]
    assert before == after


async def test_a_new_schema_reaches_the_other_replica(start, make):
    one, other = [(await start()).engineer() for _ in range(2)]
    view = await one.define(types={"temp": "DOUBLE"})
    await other.write(view, make.values("a", 1, temp=1))
    await one.define(types={"temp": "DOUBLE", "hour": "INT64"})
    # The other one still remembers the old schema; the write finds out.
    await other.write(view, make.values("b", 1, temp=1))
    await one.write(view, make.values("c", 1, hour=7))
    assert await other.online(view, "b", "c", names=["hour"]) == {"b": {}, "c": {"hour": 7}}


async def test_without_redis_it_is_ready_writes_and_reads(start, make):
    alone = await start(redis_url=NOWHERE)
    report = await alone.ready()
    assert report["status"] == "degraded"
    ann = alone.engineer()
    view = await ann.define()
    await ann.write(view, make.values("a", 1, temp=1))
    assert await ann.online(view, "a") == {"a": {"temp": 1}}
    assert (await alone.admin().stream(pb.RebuildViewsRequest(target=pb.REBUILD_TARGET_OFFLINE)))[-1].done
    other = (await start()).engineer()
    await newest(other, view, "a", 1)


async def test_a_flush_is_mended_while_it_serves(store, ann, make, cache):
    view = await ann.define()
    await ann.write(view, make.values("a", 1, temp=1))
    cache.flushall()
    assert await ann.online(view, "a") == {"a": {"temp": 1}}
    async with asyncio.timeout(PATIENCE):
        while not cache.keys(f"fp:featurestore:*{view.id}*:a"):
            await asyncio.sleep(0.02)
    assert await ann.online(view, "a") == {"a": {"temp": 1}}


async def test_a_rebuild_tells_how_far_it_is(store, admin, make):
    views = [await admin.define(f"view{number}") for number in range(2)]
    for view in views:
        for at in range(25):
            await admin.write(view, make.values("a", at, temp=at))
    steps = await admin.stream(pb.RebuildViewsRequest(target=pb.REBUILD_TARGET_ALL))
    replayed = [step.events_replayed for step in steps]
    assert replayed == sorted(replayed)
    assert (replayed[-1], steps[0].total_events, steps[-1].done) == (104, 104, True)
    assert {step.current_feature_view_id for step in steps} == {views[0].id, views[1].id, ""}
