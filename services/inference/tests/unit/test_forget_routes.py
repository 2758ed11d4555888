"""Routes of models that nobody deploys any more."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fp_inference.app.forget_routes import ForgetRoutes
from fp_inference.app.route_table import RouteTable
from fp_inference.domain.routes import Route, Stable, Target, TargetStatus
from fp_inference.domain.shares import Split
from fp_kernel import NotFound, Unavailable
from fp_testkit.clock import ManualClock

START = datetime(2013, 3, 1, tzinfo=UTC)
TARGET = Target("m", "id-1", "1", "host:1", 10_000, 1, START)
REMOVED = replace(TARGET, status=TargetStatus.REMOVED)
RETENTION = timedelta(days=40)


class Store:
    def __init__(self) -> None:
        self.asked: list[Any] = []

    async def forget(self, before: datetime, is_deployed: Any) -> int:
        self.asked.append((before, is_deployed("alpha", "served"), is_deployed("alpha", "gone")))
        return 0


@pytest.fixture
def table() -> RouteTable:
    table = RouteTable()
    table.change("alpha", "served", lambda route: route.deployed(TARGET))
    table.change("alpha", "gone", lambda route: route.undeployed(TARGET))
    return table


async def test_a_removed_version_is_forgotten_after_its_retention(table: RouteTable) -> None:
    store, clock = Store(), ManualClock(START)
    forget = ForgetRoutes(table, store, clock, retention=RETENTION)  # type: ignore[arg-type]
    table.settle()
    clock.advance(40 * 86_400)
    await forget()
    assert table.find("alpha", "gone") is not None
    clock.advance(1)
    await forget()
    assert table.find("alpha", "gone") is None
    assert table.get("alpha", "served").present == (TARGET,)
    with pytest.raises(NotFound):
        table.get("alpha", "gone")
    assert store.asked == [(START, True, False), (START + timedelta(seconds=1), True, False)]


async def test_nothing_is_forgotten_before_the_routes_are_known(table: RouteTable) -> None:
    store, clock = Store(), ManualClock(START)
    clock.advance(100 * 86_400)
    assert await ForgetRoutes(table, store, clock, retention=RETENTION)() == 0  # type: ignore[arg-type]
    assert store.asked == []
    assert table.find("alpha", "gone") is not None
    with pytest.raises(Unavailable):
        table.get("alpha", "gone")


def test_what_is_left_of_a_route() -> None:
    later = START + timedelta(days=1)
    over = Route("alpha", "m", {"id-1": REMOVED}, Split((), 1, START), Stable("id-1", "1", START), START, START)
    assert over.since(later) is None
    assert over.since(START) == over
    assert replace(over, split=Split((), 1, later)).since(later) == Route("alpha", "m", split=Split((), 1, later))
    served = replace(over, targets={"id-1": REMOVED, "id-2": replace(TARGET, version_id="id-2")})
    left = served.since(later)
    assert left == replace(served, targets={"id-2": replace(TARGET, version_id="id-2")})
    assert left is not None
    assert left.since(later) is left
