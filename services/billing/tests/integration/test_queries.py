from datetime import date, timedelta

import pytest
from fp_billing.app.ports import Granularity, MeterSum
from fp_billing.domain.meters import Meter
from fp_billing.domain.plans import DEFAULT_PLAN, Money
from fp_kernel import NotFound, PageRequest, new_id

REQUESTS = Meter.INFERENCE_REQUEST
YEAR = (date(2013, 1, 1), date(2014, 1, 1))


async def pages(read, size):
    items, after = [], None
    while True:
        page = await read(PageRequest(size, after))
        found, position = page
        assert len(found) <= size
        items += found
        if not position:
            return items
        after = (position,)


async def test_usage_is_summed_by_month_and_meter(desk, new_plan, clock):
    await desk.put_on(new_plan(price=10))
    await desk.use(2)
    await desk.use(5, meter=Meter.INFERENCE_TOKENS)
    clock.advance(31 * 86_400)
    await desk.use(3)
    found = await desk.usage(*YEAR)
    april, march = found.summaries
    assert (april.start, april.currency, april.meters) == (date(2013, 4, 1), "USD", {REQUESTS: MeterSum(3, 30)})
    assert march.meters == {REQUESTS: MeterSum(2, 20), Meter.INFERENCE_TOKENS: MeterSum(5, 50)}
    assert found.total == Money(100, "USD")


async def test_usage_is_summed_by_day_of_utc(desk, clock):
    await desk.use(1)
    clock.advance(11 * 3_600)
    await desk.use(2)
    clock.advance(3_600)
    await desk.use(4)
    found = await desk.usage(*YEAR, granularity=Granularity.DAY)
    sums = [(summary.start.isoformat(), summary.meters[REQUESTS].quantity) for summary in found.summaries]
    assert sums == [("2013-03-11", 4), ("2013-03-10", 3)]


async def test_pages_hold_every_day_once(desk, clock):
    for _ in range(7):
        await desk.use(1)
        await desk.use(1, meter=Meter.STORAGE_BYTES)
        clock.advance(2 * 86_400)

    async def read(page):
        found = await desk.usage(*YEAR, granularity=Granularity.DAY, page=page)
        assert found.total is not None
        return found.summaries, found.after

    everything = await pages(read, 100)
    assert len({summary.start for summary in everything}) == 7
    assert await pages(read, 3) == everything
    assert await pages(read, 1) == everything


async def test_usage_may_be_asked_of_one_meter_and_a_part_of_the_time(desk, clock):
    await desk.use(1)
    await desk.use(9, meter=Meter.COMPUTE_SECONDS)
    today = clock.now().date()
    clock.advance(86_400)
    await desk.use(2)
    found = await desk.usage(today, today + timedelta(days=1), meter=REQUESTS)
    (summary,) = found.summaries
    assert summary.meters == {REQUESTS: MeterSum(1, 0)}


async def test_no_usage_costs_nothing_in_the_currency_of_the_plan(desk, new_plan):
    await desk.put_on(new_plan(currency="EUR"))
    found = await desk.usage(*YEAR)
    assert (found.summaries, found.total, found.after) == ([], Money(0, "EUR"), "")


async def test_a_time_in_two_currencies_has_no_total(desk, new_plan, clock):
    await desk.use()
    clock.advance(31 * 86_400)
    await desk.put_on(new_plan(currency="EUR"))
    await desk.use()
    found = await desk.usage(*YEAR)
    assert [summary.currency for summary in found.summaries] == ["EUR", "USD"]
    assert found.total is None


async def test_a_team_sees_its_own_usage_only(desk):
    await desk.use(team="beta")
    assert (await desk.usage(*YEAR)).summaries == []


async def test_plans_are_listed_newest_first_in_pages(desk, new_plan):
    made = [await desk.put_on(new_plan(f"plan {number}")) for number in range(4)]
    listed = await pages(desk.read.plans, 2)
    assert listed == [*reversed(made), DEFAULT_PLAN]


async def test_a_plan_that_is_not_there_is_not_found(desk):
    with pytest.raises(NotFound):
        await desk.read.plan(new_id())
