"""Beyond a few events of one kind and resource in a minute, people are told how many more there were."""

import json
from datetime import UTC, datetime

import pytest
from fp_notification.domain.floods import FEW
from fp_notification.domain.severity import Severity
from fp_testkit.clock import ManualClock

NOON = datetime(2013, 6, 1, 12, 0, 10, tzinfo=UTC)


@pytest.fixture
def clock():
    return ManualClock(NOON)


@pytest.fixture
def desk(database, new_desk, clock):
    return new_desk(database, clock=clock)


async def test_a_flood_becomes_a_few_notifications_and_one_with_the_number_of_the_rest(desk, facts):
    await desk.join("ann", "bob")
    await desk.notify([facts(summary=f"Report {number}.") for number in range(500)])
    digest, *single = await desk.feed()
    assert len(single) == FEW
    assert (digest.events, {each.events for each in single}) == (500 - FEW, {1})
    assert digest.body.startswith(f"{500 - FEW} more within a minute. The newest: Report ")
    assert len(await desk.feed("bob")) == FEW + 1


async def test_the_number_grows_with_later_batches_and_the_digest_is_unread_again(desk, facts, people, command):
    await desk.join("ann")
    await desk.notify([facts() for _ in range(FEW)])
    await desk.notify([facts(severity=Severity.WARNING) for _ in range(3)])
    digest = (await desk.feed())[0]
    await desk.mark_read(people[0], {digest.id}, command(""))
    await desk.notify([facts(severity=Severity.CRITICAL), facts()])
    again = (await desk.feed())[0]
    assert (again.id, again.events, again.severity, again.read_at) == (digest.id, 5, Severity.CRITICAL, None)
    assert len(await desk.feed()) == FEW + 1


async def test_other_resources_kinds_teams_and_minutes_are_no_part_of_it(desk, facts, clock):
    await desk.join("ann")
    await desk.join("eve", team="beta")
    await desk.notify([facts() for _ in range(FEW)])
    await desk.notify([facts(resource_id="m2"), facts("fp.models.promoted"), facts(team="beta")])
    clock.advance(60)
    await desk.notify([facts()])
    assert {each.events for each in await desk.feed()} == {1}
    assert len(await desk.feed()) == FEW + 3


async def test_an_event_of_a_flood_that_comes_twice_counts_once(desk, facts):
    await desk.join("ann")
    batch = [facts() for _ in range(FEW + 4)]
    await desk.notify(batch)
    await desk.notify([*batch, facts()])
    assert (await desk.feed())[0].events == 5


async def test_replicas_that_have_parts_of_a_flood_make_one_digest(desk, new_desk, facts, clock, gathered):
    await desk.join("ann")
    desks = [desk, new_desk(desk.database, clock=clock)]
    await gathered(*(desks[number % 2].notify([facts() for _ in range(10)]) for number in range(6)))
    found = await desk.feed()
    assert sorted(each.events for each in found) == [*[1] * FEW, 60 - FEW]


async def test_a_webhook_is_called_once_for_the_rest_when_the_minute_is_over(desk, facts, receiver):
    await desk.rule("fp.>", target=receiver.url)
    await desk.notify([facts() for _ in range(20)])
    assert await desk.worker.once() == FEW
    # 50 seconds of the minute are left, on the database's clock.
    waiting = await desk.database.fetchval(
        "SELECT extract(epoch FROM due_at - now()) FROM deliveries WHERE status = 'PENDING'"
    )
    assert 0 < waiting <= 50
    await desk.notify([facts() for _ in range(7)])
    await desk.database.execute("UPDATE deliveries SET due_at = now() WHERE status = 'PENDING'")
    assert await desk.worker.once() == 1
    message = json.loads(receiver.requests[-1].body)
    assert message["data"]["body"].startswith("22 more within a minute.")
    assert [json.loads(each.body)["data"]["events"] for each in receiver.requests] == [*[1] * FEW, 22]
    assert len(receiver.requests) == FEW + 1


async def test_a_big_team_and_many_kinds_take_few_statements(desk, facts):
    await desk.join(*(f"user {number}" for number in range(200)))
    batch = [facts(resource_id=f"m{number}") for number in range(50)]
    statements = []
    original = type(desk.database).transaction

    def counted(*arguments, **named):
        return _Counted(original(desk.database, *arguments, **named), statements)

    desk.database.transaction = counted
    assert await desk.notify(batch) == 50 * 200
    assert len(statements) < 20


class _Counted:
    """A transaction whose statements are noted."""

    def __init__(self, inner, statements):
        self.inner, self.statements = inner, statements

    async def __aenter__(self):
        tx = await self.inner.__aenter__()
        for name in ("fetch", "execute", "fetchval", "fetchrow", "executemany"):
            setattr(tx, name, self._noted(getattr(tx, name)))
        return tx

    async def __aexit__(self, *problem):
        return await self.inner.__aexit__(*problem)

    def _noted(self, call):
        async def noted(*arguments):
            self.statements.append(arguments[0])
            return await call(*arguments)

        return noted
