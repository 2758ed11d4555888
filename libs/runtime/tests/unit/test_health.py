import asyncio

import pytest
from fp_runtime import HealthRegistry
from fp_testkit.clock import ManualClock


class Store:
    """A dependency that is up until a test says otherwise."""

    def __init__(self) -> None:
        self.up = True
        self.asked = 0

    async def ping(self) -> None:
        self.asked += 1
        if not self.up:
            raise ConnectionRefusedError


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def health(clock):
    return HealthRegistry(clock)


async def test_a_service_is_not_ready_before_it_serves_and_asks_nobody(health):
    store = Store()
    health.add("postgres", store.ping, hard=True)

    report = await health.check()

    assert (report.status, report.ready, store.asked) == ("starting", False, 0)


async def test_a_service_whose_dependencies_answer_is_ready(health):
    health.add("postgres", Store().ping, hard=True)
    health.add("nats", Store().ping, hard=False)
    health.serving()

    report = await health.check()

    assert report.status == "ready"
    assert report.dependencies == {"postgres": "up", "nats": "up"}


async def test_a_hard_dependency_that_is_down_makes_the_service_unavailable_and_is_named(health):
    postgres = Store()
    postgres.up = False
    health.add("postgres", postgres.ping, hard=True)
    health.add("nats", Store().ping, hard=False)
    health.serving()

    report = await health.check()

    assert (report.status, report.ready, report.down) == ("unavailable", False, ("postgres",))


async def test_a_soft_dependency_that_is_down_leaves_the_service_ready_but_degraded(health):
    nats = Store()
    nats.up = False
    health.add("nats", nats.ping, hard=False)
    health.serving()

    report = await health.check()

    assert (report.status, report.ready, report.down) == ("degraded", True, ("nats",))


async def test_a_dependency_that_comes_back_makes_the_service_ready_again(health, clock):
    postgres = Store()
    postgres.up = False
    health.add("postgres", postgres.ping, hard=True)
    health.serving()
    await health.check()

    postgres.up = True
    clock.advance(1)

    assert (await health.check()).status == "ready"


async def test_a_ping_that_does_not_answer_within_a_second_is_down(health, monkeypatch):
    monkeypatch.setattr("fp_runtime.health.PING_TIMEOUT", 0.01)
    health.add("postgres", asyncio.Event().wait, hard=True)
    health.serving()

    assert (await health.check()).down == ("postgres",)


async def test_questions_that_coincide_reach_a_store_once(health, clock):
    store = Store()
    health.add("postgres", store.ping, hard=True)
    health.serving()

    await asyncio.gather(*(health.check() for _ in range(20)))
    assert store.asked == 1

    clock.advance(1)
    await health.check()
    assert store.asked == 2


async def test_a_stopping_service_is_not_ready_at_once_and_asks_nobody(health):
    store = Store()
    health.add("postgres", store.ping, hard=True)
    health.serving()
    health.stopping()

    report = await health.check()

    assert (report.status, report.ready, store.asked) == ("stopping", False, 0)


def test_a_dependency_has_one_name(health):
    health.add("postgres", Store().ping, hard=True)

    with pytest.raises(ValueError, match="postgres"):
        health.add("postgres", Store().ping, hard=False)
