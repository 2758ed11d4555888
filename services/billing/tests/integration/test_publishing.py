"""Usage is told in sums, at a pace of its own."""

import pytest
from fp_billing.adapters.events import USAGE_RECORDED
from fp_billing.app import publish_usage
from fp_billing.domain.meters import Meter
from fp_kernel import new_id


async def published(desk):
    return [event.payload for event in await desk.events(USAGE_RECORDED)]


async def test_many_predictions_of_a_model_are_one_event(desk, new_plan, clock):
    plan = await desk.put_on(new_plan(price=100))
    first = clock.now()
    for _ in range(40):
        await desk.use(3, model_id="m", model_version="2")
        clock.advance(1)
    (event,) = await desk.events(USAGE_RECORDED)
    found = event.payload
    assert (found.team, found.rate_plan_id, found.meter_type) == ("alpha", plan.id, 1)
    assert (found.quantity, found.cost_micros, found.currency_code) == (120, 12_000, "USD")
    assert (found.model_id, found.model_version, found.source_request_id, found.facts) == ("m", "2", "", 40)
    assert (found.first_at.ToDatetime(first.tzinfo), found.last_at.seconds - found.first_at.seconds) == (first, 39)
    assert found.occurred_at == found.last_at
    assert event.team == "alpha"


async def test_each_meter_model_version_plan_and_day_has_its_own_sum(desk, new_plan, clock):
    await desk.put_on(new_plan("old"))
    await desk.use(model_id="m", model_version="1")
    await desk.use(model_id="m", model_version="2")
    await desk.use(model_id="n", model_version="1")
    await desk.use(meter=Meter.INFERENCE_TOKENS, model_id="m", model_version="1")
    clock.advance(86_400)
    await desk.use(model_id="m", model_version="1")
    await desk.put_on(new_plan("new"))
    await desk.use(model_id="m", model_version="1")
    found = await published(desk)
    assert [each.facts for each in found] == [1] * 6
    assert len({each.record_id for each in found}) == 6


async def test_a_fact_is_published_once_and_what_comes_later_is_another_sum(desk):
    await desk.use(2)
    assert [each.quantity for each in await published(desk)] == [2]
    assert [each.quantity for each in await published(desk)] == [2]
    await desk.use(5)
    found = await published(desk)
    assert [each.quantity for each in found] == [2, 5]
    assert len({each.record_id for each in found}) == 2


async def test_every_team_is_published_of(desk, monkeypatch):
    monkeypatch.setattr(publish_usage, "_TEAMS", 2)
    teams = [f"team {number}" for number in range(5)]
    for team in teams:
        await desk.use(team=team)
    assert sorted(each.team for each in await published(desk)) == teams


async def test_what_the_bus_does_not_take_grows_no_outbox(desk, monkeypatch):
    """Sums go on growing in their rows; the quota is in the outbox at once."""
    monkeypatch.setattr(publish_usage, "_WAITING", 3)
    for _ in range(10):
        await desk.record_requests((new_id(), new_id()))
        await desk.publish_usage()
    waiting = await desk.side.database.fetchval(
        "SELECT count(*) FROM fp_outbox WHERE published_at IS NULL AND subject = $1", USAGE_RECORDED
    )
    assert waiting == 3
    assert await desk.side.database.fetchval("SELECT facts FROM usage_untold") == 7
    await desk.side.database.execute("UPDATE fp_outbox SET published_at = now()")
    assert sum(each.facts for each in await published(desk)) == 10


async def test_a_quota_does_not_wait_for_usage_at_its_resource(desk, new_plan):
    await desk.put_on(new_plan(quota=1))
    await desk.use(2)
    (usage,), (quota,) = await desk.events(USAGE_RECORDED), await desk.events("quota")
    assert quota.resource_id == "alpha"
    assert usage.resource_id != quota.resource_id


@pytest.mark.parametrize("name", ["alpha", '", "alpha', "usage"])
async def test_no_name_of_a_team_is_the_resource_of_anothers_usage(desk, name):
    await desk.use(team=name)
    (event,) = await desk.events(USAGE_RECORDED)
    assert event.resource_id not in ("alpha", name)
