"""Buckets, answers and routes in a real Redis."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from fp_inference.adapters.redis_buckets import RedisBuckets
from fp_inference.adapters.redis_replays import RedisReplays
from fp_inference.adapters.redis_routes import RedisRoutes
from fp_inference.app.ports import SplitMoved
from fp_inference.app.values import Replay
from fp_inference.domain.routes import Route, Stable, Target, TargetStatus
from fp_inference.domain.shares import Share, Split
from fp_kernel import Aborted
from fp_kernel.bucket import Limit
from fp_kernel.signatures import Column, Signature, TensorSpec
from fp_kernel.tensors import ElementType
from fp_redis import RedisClient
from fp_testkit.patience import PATIENCE
from fp_testkit.wallclock import RunningClock
from inference_fakes.routes import set_split
from redis.asyncio import Redis

_START = datetime(2013, 3, 1, 12, 30, 0, 123_456, tzinfo=UTC)
_LIMIT = Limit(rate=50.0, burst=200)
_SIGNATURE = Signature(
    inputs=(TensorSpec("x", ElementType.FLOAT32, (-1, 2), (Column("hour"), Column("carrier", ("UA", "DL")))),),
    outputs=(TensorSpec("label", ElementType.INT64, (-1,)),),
)


@pytest_asyncio.fixture
async def redis(redis_look_url: str) -> AsyncIterator[Any]:
    async with Redis.from_url(redis_look_url) as opened:
        yield opened


@pytest_asyncio.fixture
async def link(redis_url: str) -> AsyncIterator[RedisClient]:
    # No test here is about a store that is slow; with the time-out of the service a busy machine would decide.
    opened = RedisClient.open(redis_url, RunningClock(), store="redis", timeout=PATIENCE)
    yield opened
    await opened.close()


def _target(version: str = "1", sequence: int = 1) -> Target:
    return Target(
        model_id="m",
        version_id=f"id-{version}",
        version=version,
        endpoint="host:1",
        weight_bps=10_000,
        sequence=sequence,
        deployed_at=_START,
        signature=_SIGNATURE,
        artifact_digest="sha256:0",
    )


async def test_the_shared_bucket_gives_its_burst_and_says_when_there_is_more(link: RedisClient, redis: Any) -> None:
    buckets = RedisBuckets(link)
    granted = 0
    # So slow that nothing comes back while we ask: the clock is that of Redis.
    slow = Limit(rate=0.001, burst=200)
    while (grant := await buckets.lease("alpha/user", slow, 1, 50)).tokens:
        granted += grant.tokens
    assert granted == 200
    assert 900.0 < grant.retry_after <= 1_000.0
    assert (await buckets.lease("alpha/other", slow, 1, 50)).tokens == 50


async def test_a_cost_beyond_the_burst_is_owed_by_a_full_bucket(link: RedisClient, redis: Any) -> None:
    buckets = RedisBuckets(link)
    slow = Limit(rate=0.5, burst=200)
    paid = await buckets.lease("alpha/user", slow, 250, 250)
    assert (paid.tokens, paid.left) == (250, -50.0)
    refused = await buckets.lease("alpha/user", slow, 1, 1)
    assert refused.tokens == 0
    assert 40.0 < refused.retry_after <= 51 / slow.rate


async def test_replicas_that_ask_at_once_never_get_more_than_there_is(link: RedisClient, redis: Any) -> None:
    buckets = [RedisBuckets(link) for _ in range(4)]
    slow = Limit(rate=0.001, burst=100)
    grants = await asyncio.gather(*(each.lease("shared", slow, 1, 7) for _ in range(10) for each in buckets))
    assert sum(grant.tokens for grant in grants) == 100


async def test_a_bucket_that_nobody_uses_is_forgotten(link: RedisClient, redis: Any) -> None:
    await RedisBuckets(link).lease("alpha/user", _LIMIT, 1, 1)
    assert 0 < await redis.pttl("fp:inference:bucket:alpha/user") <= 5_000


async def test_the_first_answer_of_a_command_stays_for_a_day(link: RedisClient, redis: Any) -> None:
    replays = RedisReplays(link)
    first = Replay(b"d" * 32, b"f" * 32, b"answer")
    seen = Replay(b"s" * 32, b"f" * 32, b"", _START.date())
    await replays.put([first, Replay(b"e" * 32, b"f" * 32, b""), seen])
    await replays.put([replace(first, response=b"another")])
    assert await replays.get([b"x" * 32, b"d" * 32, b"s" * 32]) == [first, seen]
    assert 86_000 < await redis.ttl(f"fp:inference:replay:{(b'd' * 32).hex()}") <= 86_400


async def test_routes_come_back_as_they_were_kept(link: RedisClient, redis: Any) -> None:
    routes = RedisRoutes(link)
    await routes.save_target("alpha", "delays/new york", _target())
    await routes.save_target("beta", "delays/new york", _target("7"))
    stable = Stable("id-1", "1", _START)
    await routes.save_stable("alpha", "delays/new york", stable)
    await routes.save_archived("alpha", "delays/new york", _START)
    await routes.save_restored("beta", "delays/new york", _START)
    shares = (Share("id-1", 1, 10_000),)
    split = await set_split(routes, "alpha", "delays/new york", shares, _START, by="ann", salt="blue")
    assert split.salt == "blue"
    alpha, beta = await RedisRoutes(link).load()
    assert (alpha.team, alpha.model_name) == ("alpha", "delays/new york")
    assert alpha.targets == {"id-1": _target()}
    assert (alpha.split, alpha.stable, alpha.archived_at) == (split, stable, _START)
    assert beta.targets == {"id-7": _target("7")}
    assert (beta.split, beta.archived_at, beta.restored_at) == (None, None, _START)


async def test_an_older_state_of_a_version_never_replaces_a_newer_one(link: RedisClient, redis: Any) -> None:
    routes = RedisRoutes(link)
    removed = replace(_target(sequence=5), status=TargetStatus.REMOVED, removed=5)
    await routes.save_target("alpha", "delays", removed)
    await routes.save_target("alpha", "delays", _target(sequence=4))
    (route,) = await routes.load()
    assert route.targets["id-1"] == removed
    newer, older = Stable("id-2", "2", _START), Stable("id-1", "1", _START - timedelta(days=1))
    await routes.save_stable("alpha", "delays", newer)
    await routes.save_stable("alpha", "delays", older)
    (route,) = await routes.load()
    assert route.stable == newer


async def test_splits_that_replicas_set_at_once_have_one_newest(link: RedisClient, redis: Any) -> None:
    routes = RedisRoutes(link)
    shares = [(Share("id-1", 1, weight), Share("id-2", 2, 10_000 - weight)) for weight in range(0, 10_000, 1_000)]
    splits = await asyncio.gather(*(set_split(routes, "alpha", "delays", share, _START, by="ann") for share in shares))
    assert len({split.revision for split in splits}) == 10
    (route,) = await routes.load()
    assert route.split == max(splits, key=lambda split: split.revision)


async def test_a_split_that_expects_another_one_than_there_is_changes_nothing(link: RedisClient, redis: Any) -> None:
    routes = RedisRoutes(link)
    whole, shared = (Share("id-1", 1, 10_000),), (Share("id-1", 1, 9_000), Share("id-2", 2, 1_000))
    first = await set_split(routes, "alpha", "delays", whole, _START, by="ann", expected=0)
    for stale, said in ((0, "was made meanwhile by ann"), (first.revision - 1, "was changed meanwhile by ann")):
        with pytest.raises(Aborted, match=said):
            await set_split(routes, "alpha", "delays", shared, _START, by="bob", expected=stale)
    (route,) = await routes.load()
    assert route.split == first
    second = await set_split(routes, "alpha", "delays", shared, _START, by="bob", expected=first.revision)
    assert second.revision > first.revision
    gone = await set_split(routes, "alpha", "delays", (), _START, by="bob")
    with pytest.raises(Aborted, match="is not there any more"):
        await set_split(routes, "alpha", "delays", whole, _START, by="ann", expected=gone.revision)
    with pytest.raises(SplitMoved) as moved:
        await set_split(routes, "alpha", "delays", whole, _START, by="ann", planned_on=second.revision)
    assert moved.value.split == gone
    # A route that was deleted is one that is not there.
    assert (await set_split(routes, "alpha", "delays", whole, _START, by="ann", expected=0)).set_by == "ann"


async def test_a_split_of_code_before_is_read_without_who_set_it(link: RedisClient, redis: Any) -> None:
    routes = RedisRoutes(link)
    split = await set_split(routes, "alpha", "delays", (Share("id-1", 1, 10_000),), _START, by="ann")
    body = json.dumps({"shares": [{"version_id": "id-1", "since": 1, "weight_bps": 10_000}], "set_at": str(_START)})
    await redis.hset("fp:inference:splits:alpha", "delays", f"{split.revision + 1}|{body}")
    (route,) = await routes.load()
    assert route.split == Split(split.shares, split.revision + 1, _START)


async def test_a_split_after_a_flush_is_newer_than_what_processes_remember(link: RedisClient, redis: Any) -> None:
    routes = RedisRoutes(link)
    whole, shared = (Share("id-1", 1, 10_000),), (Share("id-1", 1, 9_000), Share("id-2", 2, 1_000))
    before = await set_split(routes, "alpha", "delays", whole, _START, by="ann")
    await redis.flushdb()
    after = await set_split(routes, "alpha", "delays", shared, _START, by="ann")
    assert after.revision > before.revision
    assert Route("alpha", "delays", split=before).with_split(after).split == after


async def test_other_replicas_hear_of_a_split(link: RedisClient, redis: Any) -> None:
    routes = RedisRoutes(link)
    connected, heard = asyncio.Event(), asyncio.Queue[tuple[str, str, Split]](10)

    async def ready() -> None:
        connected.set()

    async with asyncio.TaskGroup() as group:
        watching = group.create_task(routes.watch(ready, lambda *changed: heard.put_nowait(changed)))
        await connected.wait()
        split = await set_split(routes, "alpha", "delays", (Share("id-1", 1, 10_000),), _START, by="ann")
        async with asyncio.timeout(PATIENCE):
            assert await heard.get() == ("alpha", "delays", split)
        watching.cancel()


def _served(_: str, model: str) -> bool:
    """Whether the model has a version, in these tests."""
    return model == "served"


async def test_what_is_over_for_long_is_forgotten_and_all_else_stays(link: RedisClient, redis: Any) -> None:
    routes = RedisRoutes(link)
    old, young = _START, _START + timedelta(days=41)
    before = _START + timedelta(days=40)
    whole = (Share("id-1", 1, 10_000),)
    for model, moment in (("gone", old), ("going", young), ("served", old)):
        tombstones = [replace(_target(f"{at}"), status=TargetStatus.REMOVED, deployed_at=moment) for at in range(2, 5)]
        for target in tombstones:
            await routes.save_target("alpha", model, target)
        await set_split(routes, "alpha", model, whole, moment, by="ann")
        await routes.save_stable("alpha", model, Stable("id-1", "1", moment))
        await routes.save_archived("alpha", model, moment)
        await routes.save_restored("alpha", model, moment)
    await routes.save_target("alpha", "served", _target("1"))
    await routes.save_archived("beta", "gone", old)

    assert await routes.forget(before, _served) == 3 + 4 + 3 + 1

    stored = {route.model_name: route for route in await routes.load()}
    assert stored.keys() == {"going", "served"}
    assert stored["going"].targets.keys() == {"id-2", "id-3", "id-4"}
    assert (stored["going"].split is not None, stored["going"].restored_at) == (True, young)
    assert stored["served"].targets.keys() == {"id-1"}
    assert stored["served"].split is not None
    assert (stored["served"].stable, stored["served"].archived_at) == (Stable("id-1", "1", old), old)
    assert await redis.smembers("fp:inference:teams") == {b"alpha"}
    assert await routes.forget(before, _served) == 0


async def test_many_are_forgotten_in_steps(link: RedisClient, redis: Any) -> None:
    routes, removed = RedisRoutes(link), replace(_target(), status=TargetStatus.REMOVED)
    for at in range(1_700):
        await routes.save_target("alpha", "delays", replace(removed, version_id=f"id-{at}"))
    await routes.save_target("alpha", "delays", _target("young"))
    sent = Recorded(link)
    assert await RedisRoutes(sent).forget(_START + timedelta(days=1), _served) == 1_700  # type: ignore[arg-type]
    assert sent.scans > 1_700 // 500
    assert await redis.hkeys("fp:inference:targets:alpha") == [b'["delays", "id-young"]']


class Recorded:
    """A link that counts the steps of scans."""

    def __init__(self, link: RedisClient) -> None:
        self._link = link
        self.scans = 0

    async def ask(self, *commands: Any) -> Any:
        self.scans += sum(command[0] == "HSCAN" for command in commands)
        return await self._link.ask(*commands)

    async def run(self, *arguments: Any) -> Any:
        return await self._link.run(*arguments)


async def test_news_that_come_meanwhile_are_not_forgotten(link: RedisClient, redis: Any) -> None:
    routes, removed = RedisRoutes(link), replace(_target(), status=TargetStatus.REMOVED)
    await routes.save_target("alpha", "delays", removed)
    back = _target(sequence=2)

    class Late(Recorded):
        async def run(self, *arguments: Any) -> Any:
            # Between the look at the fields and their deletion another replica hears of a deployment.
            await routes.save_target("alpha", "delays", back)
            return await super().run(*arguments)

    assert await RedisRoutes(Late(link)).forget(_START + timedelta(days=1), _served) == 0  # type: ignore[arg-type]
    (route,) = await routes.load()
    assert route.targets == {"id-1": back}
