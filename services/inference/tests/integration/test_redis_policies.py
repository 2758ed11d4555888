"""Rules and shadows of routes, and what came of them, in a real Redis."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from fp_inference.adapters.redis_routes import RedisRoutes
from fp_inference.adapters.redis_tallies import RedisTallies
from fp_inference.domain.rules import Match, Rule
from fp_inference.domain.shares import Share
from fp_kernel import Aborted
from fp_redis import RedisClient
from fp_testkit.patience import PATIENCE
from fp_testkit.wallclock import RunningClock

_START = datetime(2013, 3, 1, 12, 30, 0, 123_456, tzinfo=UTC)


@pytest_asyncio.fixture
async def link(redis_url: str) -> AsyncIterator[RedisClient]:
    opened = RedisClient.open(redis_url, RunningClock(), store="redis", timeout=PATIENCE)
    yield opened
    await opened.close()


_RULE = Rule("gold", (Match("plan", frozenset(("gold",))), Match("client", prefix="b")), (Share("id-2", 1, 10_000),))


async def test_rules_and_a_shadow_are_kept_beside_the_split_with_one_revision(link: RedisClient) -> None:
    routes = RedisRoutes(link)
    split = await routes.set_split("alpha", "delays", (Share("id-1", 1, 10_000),), _START, by="ann")
    with pytest.raises(Aborted, match="changed meanwhile by ann"):
        await routes.set_rules("alpha", "delays", (_RULE,), _START, by="bob", expected=split.revision - 1)
    rules = await routes.set_rules("alpha", "delays", (_RULE,), _START, by="bob", expected=split.revision)
    with pytest.raises(Aborted, match="changed meanwhile by bob"):
        await routes.set_split("alpha", "delays", split.shares, _START, by="ann", expected=split.revision)
    shadow = await routes.set_shadow("alpha", "delays", Share("id-3", 1, 500), _START, by="cy", expected=rules.revision)
    (route,) = await routes.load()
    assert (route.split, route.rules, route.shadow) == (split, rules, shadow)
    assert route.revision == shadow.revision > rules.revision > split.revision
    again = await routes.set_split("alpha", "delays", split.shares, _START, by="ann", planned_on=split.revision)
    assert again.revision > shadow.revision, "rules of meanwhile are no other split"
    await routes.set_shadow("alpha", "delays", None, _START, by="cy")
    (route,) = await routes.load()
    assert (route.shadow and route.shadow.share, route.rules) == (None, rules)


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
