"""Rules and shadows of routes, and what came of them, in a real Redis."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from fp_inference.adapters.redis_fleet import RedisFleet
from fp_inference.adapters.redis_routes import RedisRoutes
from fp_inference.adapters.redis_tallies import RedisTallies
from fp_inference.domain.rules import Match, Rule, Rules, Shadow
from fp_inference.domain.shares import Share, Split
from fp_kernel import Aborted
from fp_redis import RedisClient
from fp_testkit.patience import PATIENCE
from fp_testkit.ports import free_port
from fp_testkit.wallclock import RunningClock
from inference_fakes.routes import set_split

_START = datetime(2013, 3, 1, 12, 30, 0, 123_456, tzinfo=UTC)


@pytest_asyncio.fixture
async def link(redis_url: str) -> AsyncIterator[RedisClient]:
    opened = RedisClient.open(redis_url, RunningClock(), store="redis", timeout=PATIENCE)
    yield opened
    await opened.close()


_RULE = Rule("gold", (Match("plan", frozenset(("gold",))), Match("client", prefix="b")), (Share("id-2", 1, 10_000),))


async def test_rules_and_a_shadow_are_kept_beside_the_split_with_one_revision(link: RedisClient) -> None:
    routes = RedisRoutes(link)
    split = await set_split(routes, "alpha", "delays", (Share("id-1", 1, 10_000),), _START, by="ann")
    with pytest.raises(Aborted, match="changed meanwhile by ann"):
        await routes.set_rules("alpha", "delays", (_RULE,), _START, by="bob", expected=split.revision - 1)
    rules = await routes.set_rules("alpha", "delays", (_RULE,), _START, by="bob", expected=split.revision)
    with pytest.raises(Aborted, match="changed meanwhile by bob"):
        await set_split(routes, "alpha", "delays", split.shares, _START, by="ann", expected=split.revision)
    shadow = await routes.set_shadow("alpha", "delays", Share("id-3", 1, 500), _START, by="cy", expected=rules.revision)
    (route,) = await routes.load()
    assert (route.split, route.rules, route.shadow) == (split, rules, shadow)
    assert route.revision == shadow.revision > rules.revision > split.revision
    again = await set_split(routes, "alpha", "delays", split.shares, _START, by="ann", planned_on=split.revision)
    assert again.revision > shadow.revision, "rules of meanwhile are no other split"
    await routes.set_shadow("alpha", "delays", None, _START, by="cy")
    (route,) = await routes.load()
    assert (route.shadow and route.shadow.share, route.rules) == (None, rules)


async def test_split_rules_and_shadow_are_set_together_or_not_at_all(link: RedisClient) -> None:
    routes = RedisRoutes(link)
    before = await set_split(routes, "alpha", "delays", (Share("id-1", 1, 10_000),), _START, by="ann")
    whole = (
        Split((Share("id-2", 1, 10_000),), 0, _START, "bob", "blue"),
        Rules((_RULE,), 0, _START, "bob"),
        Shadow(Share("id-3", 1, 500), 0, _START, "bob"),
    )
    with pytest.raises(Aborted, match="changed meanwhile by ann"):
        await routes.set_whole("alpha", "delays", *whole, expected=before.revision - 1)
    (route,) = await routes.load()
    assert (route.split, route.rules, route.shadow) == (before, None, None)
    revision = await routes.set_whole("alpha", "delays", *whole, expected=before.revision)
    (route,) = await routes.load()
    assert (route.split, route.rules, route.shadow) == tuple(replace(each, revision=revision) for each in whole)
    assert route.revision == revision > before.revision


async def test_rules_are_told_to_every_replica_and_splits_as_before(link: RedisClient) -> None:
    routes, told, splits, ready = RedisRoutes(link), [], [], asyncio.Semaphore(0)
    more = asyncio.Event()

    async def connected() -> None:
        ready.release()

    def took(_: str, __: str, policy: Any) -> None:
        told.append(policy)
        more.set()

    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        watching = [
            group.create_task(routes.watch_policies(connected, took)),
            group.create_task(routes.watch(connected, lambda *_: splits.append(_))),
        ]
        for _ in watching:
            await ready.acquire()
        rules = await routes.set_rules("alpha", "delays", (_RULE,), _START, by="bob")
        shadow = await routes.set_shadow("alpha", "delays", Share("id-3", 1, 500), _START, by="bob")
        while len(told) < 2:
            await more.wait()
            more.clear()
        for each in watching:
            each.cancel()
    assert told == [rules, shadow]
    assert splits == [], "code of before reads all of that channel as splits"


async def test_rules_and_shadows_of_a_model_without_a_version_are_forgotten(link: RedisClient) -> None:
    routes = RedisRoutes(link)
    for model in ("old", "deployed"):
        await routes.set_rules("alpha", model, (_RULE,), _START, by="bob")
        await routes.set_shadow("alpha", model, None, _START, by="bob")
    later = _START + timedelta(days=1)
    assert await routes.forget(later, lambda _, model: model == "deployed") == 2
    assert [route.model_name for route in await routes.load()] == ["deployed"]


async def test_counts_of_all_replicas_are_summed_and_expire(link: RedisClient) -> None:
    one, two, key = RedisTallies(link), RedisTallies(link), ("alpha", "new york|delays", 7)
    await one.add(key, {"answered": 2, "difference": 0.25})
    await two.add(key, {"answered": 1, "difference": 1e-9, "failed": 1})
    assert await two.read(key) == {"answered": 3, "difference": 0.250000001, "failed": 1}
    assert await one.read(("alpha", "new york|delays", 8)) == {}


async def test_replicas_count_each_other_and_one_that_leaves_counts_no_more(link: RedisClient) -> None:
    one, two = RedisFleet(link, "one"), RedisFleet(link, "two")
    assert one.count == 1
    await one.beat()
    await two.beat()
    await one.beat()
    assert (one.count, two.count) == (2, 2)
    await two.leave()
    await one.beat()
    assert one.count == 1


async def test_a_replica_that_died_is_forgotten(link: RedisClient) -> None:
    one = RedisFleet(link, "one")
    await link.ask(("ZADD", "fp:inference:processes", 1, "dead"))
    await one.beat()
    assert one.count == 1


async def test_without_redis_the_number_that_was_known_last_counts() -> None:
    away = RedisClient.open(f"redis://127.0.0.1:{free_port()}", RunningClock(), store="redis", timeout=PATIENCE)
    one = RedisFleet(away, "one")
    one.count = 3
    await one.beat()
    await one.leave()
    assert one.count == 3
    await away.close()
