"""Many writers and two replicas at once, on real Postgres."""

import asyncio
from datetime import UTC, datetime

from fp_billing.domain.invoices import Status
from fp_kernel import new_id

WRITERS, FACTS = 16, 5
FINAL = datetime(2013, 4, 4, tzinfo=UTC)


async def at_once(*works):
    return await asyncio.gather(*works)


async def test_the_quota_is_published_exactly_once_with_16_concurrent_writers(replicas, new_plan):
    first, second = replicas
    limit = WRITERS * FACTS // 2
    await first.put_on(new_plan(price=10, included=7, quota=limit))

    async def write(number):
        for _ in range(FACTS):
            await replicas[number % 2].use()

    await at_once(*map(write, range(WRITERS)))
    (event,) = await first.events("quota")
    assert event.payload.current_usage == limit + 1
    assert await second.used() == WRITERS * FACTS
    (published,) = [event.payload for event in await first.events("usage.recorded")]
    assert (published.facts, published.cost_micros) == (WRITERS * FACTS, (WRITERS * FACTS - 7) * 10)


async def test_replicas_that_get_the_same_events_meter_each_once(replicas):
    """As after an acknowledgement that was lost: both have the batch, in another order and cut in another way."""
    facts = [(new_id(), f"r{number}") for number in range(60)]
    first, second = replicas
    new = await at_once(
        *(first.record_requests(*facts[start : start + 20]) for start in (0, 20, 40)),
        *(second.record_requests(*reversed(facts[start : start + 30])) for start in (30, 0)),
    )
    assert sum(new) == 60
    assert await first.used() == 60
    assert sum(event.payload.facts for event in await first.events("usage.recorded")) == 60


async def test_batches_of_several_teams_do_not_lock_each_other_out(replicas):
    first, second = replicas

    async def recorded(desk, teams):
        return [await desk.record_requests((new_id(), new_id()), team=team) for team in teams]

    await at_once(
        *(recorded(first, ("alpha", "beta", "gamma")) for _ in range(4)),
        *(recorded(second, ("gamma", "beta", "alpha")) for _ in range(4)),
    )
    assert [await first.used(team) for team in ("alpha", "beta", "gamma")] == [8, 8, 8]


async def test_replicas_that_tell_at_once_while_others_meter_tell_every_fact_once(replicas, new_plan):
    first, second = replicas
    await first.put_on(new_plan(price=10))
    await at_once(
        *(desk.use(at=None) for desk in replicas for _ in range(10)),
        *(desk.publish_usage() for desk in replicas * 3),
    )
    published = await second.events("usage.recorded")
    assert sum(event.payload.facts for event in published) == 20
    assert sum(event.payload.cost_micros for event in published) == 200
    assert len({event.payload.record_id for event in published}) == len(published)
    assert [event.sequence for event in published] == list(range(1, len(published) + 1))


async def test_replicas_make_each_invoice_once_and_lose_no_number(replicas, clock):
    first, second = replicas
    teams = [f"team {number}" for number in range(8)]
    for team in teams:
        await first.use(team=team)
    clock.set_wall(FINAL)
    await at_once(first.invoicing(), second.invoicing(), first.invoicing(), second.invoicing())
    invoices = [invoice for team in teams for invoice in await first.invoices(team)]
    assert sorted(invoice.number for invoice in invoices) == list(range(1, 9))
    assert {invoice.status for invoice in invoices} == {Status.FINALIZED}
    assert len(await first.events("invoice")) == 8
    assert len(first.invoiced + second.invoiced) == 8


async def test_a_plan_that_changes_under_load_prices_every_fact_by_one_of_both(replicas, new_plan):
    first, second = replicas
    await first.put_on(new_plan("old", price=1))
    await at_once(*(second.use() for _ in range(20)), first.put_on(new_plan("new", price=1_000)))
    rows = await first.side.database.fetch("SELECT cost_micros FROM usage_facts ORDER BY id")
    costs = [row["cost_micros"] for row in rows]
    assert len(costs) == 20
    assert costs == sorted(costs)
    assert set(costs) <= {1, 1_000}
    assert (await first.use()).record.cost.amount_micros == 1_000


async def test_a_team_is_on_the_default_plan_since_its_first_fact_and_not_since_the_database_s_today(replicas, clock):
    desk, _ = replicas
    await desk.record_requests((new_id(), "r1"))
    assigned = await desk.side.database.fetchval("SELECT assigned_at FROM accounts WHERE team = 'alpha'")
    assert assigned == clock.now()
