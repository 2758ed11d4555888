from datetime import timedelta

import pytest
from fp_billing.domain.meters import Meter
from fp_billing.domain.plans import DEFAULT_PLAN
from fp_billing.domain.usage import Usage
from fp_kernel import (
    AlreadyExists,
    Command,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    OutOfRange,
    Replayed,
    new_id,
)

REQUESTS = Meter.INFERENCE_REQUEST


async def test_usage_is_priced_by_allowance_then_price(desk, new_plan):
    plan = await desk.put_on(new_plan(price=100, included=3))
    costs = [(await desk.use(2)).record.cost.amount_micros for _ in range(3)]
    assert costs == [0, 100, 200]
    assert (await desk.use()).record.plan_id == plan.id


async def test_a_team_without_a_plan_is_on_the_default_one(desk):
    metered = await desk.use()
    assert metered.record.plan_id == DEFAULT_PLAN.id
    assert (await desk.read.quota("nobody", REQUESTS))[0] == DEFAULT_PLAN


async def test_the_seeded_default_plan_is_the_one_the_code_knows(desk):
    assert await desk.read.plan(DEFAULT_PLAN.id) == DEFAULT_PLAN


async def test_the_same_fact_is_metered_once(desk):
    first = await desk.use(2, "r1")
    again = await desk.use(5, "r1")
    assert (first.known, again.known) == (False, True)
    assert again.record == first.record
    assert await desk.used() == 2
    assert len(await desk.events("usage.recorded")) == 1


async def test_the_same_fact_twice_in_one_batch_is_metered_once(desk):
    new = await desk.record_requests((new_id(), "r1"), (new_id(), "r1"), (new_id(), "r2"))
    assert (new, await desk.used()) == (2, 2)


async def test_a_request_that_a_caller_published_is_not_metered_again_by_its_event(desk):
    await desk.use(1, "r1")
    assert await desk.record_requests((new_id(), "r1")) == 0
    assert await desk.used() == 1


async def test_an_event_that_comes_twice_has_its_effect_once(desk):
    batch = [(new_id(), f"r{number}") for number in range(5)]
    assert await desk.record_requests(*batch) == 5
    assert await desk.record_requests(*batch, (new_id(), "r9")) == 1
    assert await desk.used() == 6
    assert sum(event.payload.facts for event in await desk.events("usage.recorded")) == 6


async def test_two_teams_may_have_requests_of_the_same_id(desk):
    await desk.record_requests((new_id(), "r1"))
    assert await desk.record_requests((new_id(), "r1"), team="beta") == 1
    assert (await desk.used(), await desk.used("beta")) == (1, 1)


async def test_tokens_and_requests_are_counted_apart(desk):
    await desk.use(1, "r1")
    await desk.use(700, "r1", meter=Meter.INFERENCE_TOKENS)
    assert (await desk.used(), await desk.used(meter=Meter.INFERENCE_TOKENS)) == (1, 700)


async def test_a_command_that_is_sent_twice_happens_once(desk):
    key = Command("alpha", "/RecordUsage", "k", b"same", lambda metered: metered.record.id.encode())
    metered = await desk.do.record_usage("alpha", Usage(REQUESTS, 1, "r1"), key)
    with pytest.raises(Replayed) as replay:
        await desk.do.record_usage("alpha", Usage(REQUESTS, 1, "r1"), key)
    assert replay.value.response.decode() == metered.record.id


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((REQUESTS, "job:tokens"), (Meter.INFERENCE_TOKENS, "job")),
        ((REQUESTS, "job:compute"), (Meter.COMPUTE_SECONDS, "job")),
        ((REQUESTS, "job:storage"), (Meter.STORAGE_BYTES, "job")),
    ],
)
async def test_the_name_of_a_source_cannot_make_it_a_fact_of_another_meter(desk, first, second):
    for order in ((first, second), (second, first)):
        team = f"of {order[0][0]}"
        for number, (meter, source) in enumerate(order, start=3):
            assert not (await desk.use(number, source, meter=meter, team=team)).known
        assert [await desk.used(team, meter) for meter, _ in order] == [3, 4]


async def test_the_quota_is_published_once_on_its_crossing(desk, new_plan):
    plan = await desk.put_on(new_plan(quota=3))
    for _ in range(3):
        await desk.use()
    assert await desk.events("quota") == []
    await desk.use()
    await desk.use()
    (event,) = await desk.events("quota")
    quota = event.payload
    assert (quota.team, quota.rate_plan_id, quota.quota_limit, quota.current_usage) == ("alpha", plan.id, 3, 4)


async def test_a_batch_that_crosses_the_quota_reports_it_once(desk, new_plan):
    await desk.put_on(new_plan(quota=3))
    await desk.record_requests(*((new_id(), f"r{number}") for number in range(9)))
    (event,) = await desk.events("quota")
    assert event.payload.current_usage == 4


async def test_the_quota_begins_anew_with_the_month(desk, new_plan, clock):
    await desk.put_on(new_plan(quota=1))
    await desk.use(2)
    clock.advance(31 * 86_400)
    assert await desk.used() == 0
    await desk.use(2)
    assert len(await desk.events("quota")) == 2


async def test_free_units_count_towards_the_quota(desk, new_plan):
    await desk.put_on(new_plan(price=0, included=100, quota=2))
    await desk.use(3)
    assert len(await desk.events("quota")) == 1
    assert (await desk.read.quota("alpha", REQUESTS))[1].exceeded


async def test_a_new_plan_holds_from_the_next_usage_on(desk, new_plan):
    old = await desk.put_on(new_plan("old", price=100, included=2))
    await desk.use(3)
    new = await desk.put_on(new_plan("new", price=7, included=4))
    late = await desk.use(3)
    assert late.record.plan_id == new.id
    assert late.record.cost.amount_micros == 2 * 7
    assert old.id != new.id


async def test_a_past_month_keeps_the_plan_it_had(desk, new_plan, clock):
    old = await desk.put_on(new_plan("old", price=100))
    await desk.use()
    happened = clock.now()
    clock.advance(22 * 86_400)
    new = await desk.put_on(new_plan("new", price=7))
    assert (await desk.use(at=happened)).record.plan_id == old.id
    assert (await desk.use()).record.plan_id == new.id


async def test_a_plan_in_another_currency_waits_for_the_next_month(desk, new_plan, clock):
    await desk.use()
    with pytest.raises(FailedPrecondition):
        await desk.put_on(new_plan(currency="EUR"))
    clock.advance(31 * 86_400)
    await desk.put_on(new_plan("other", currency="EUR"))
    assert (await desk.use()).record.cost.currency == "EUR"


async def test_late_usage_counts_in_its_own_month_within_the_grace(desk, clock):
    happened = clock.now()
    clock.set_wall(happened.replace(month=4, day=2))
    assert (await desk.use(at=happened)).record.occurred_at == happened
    assert await desk.used() == 0


async def test_usage_that_is_too_late_counts_in_the_present_month(desk, clock):
    happened = clock.now()
    clock.set_wall(happened.replace(month=4, day=5))
    assert (await desk.use(at=happened)).record.occurred_at == happened.replace(month=4, day=1, hour=0)
    assert await desk.used() == 1


async def test_usage_of_the_future_counts_now(desk, clock):
    metered = await desk.use(at=clock.now() + timedelta(days=400))
    assert metered.record.occurred_at == clock.now()


async def test_what_cannot_be_counted_leaves_nothing_behind(desk, new_plan):
    await desk.put_on(new_plan(price=900_000_000))
    most = 10**10
    await desk.use(most, "r1")
    with pytest.raises(OutOfRange):
        await desk.use(most, "r2")
    with pytest.raises(InvalidArgument):
        await desk.use(-1)
    assert await desk.used() == most
    assert len(await desk.events("usage.recorded")) == 1


async def test_a_plan_name_is_taken_once(desk, new_plan):
    await desk.put_on(new_plan())
    with pytest.raises(AlreadyExists):
        await desk.put_on(new_plan())


async def test_a_plan_that_is_not_there_cannot_be_assigned(desk):
    with pytest.raises(NotFound):
        await desk.do.assign_rate_plan("alpha", new_id(), None, Command("alpha", "/Rpc", "", b"", lambda _: b""))
