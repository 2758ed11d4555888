"""Two processes meter the same events, and each is killed once in the middle: everything is counted, and once."""

import json

import pytest
from forgepoint.billing.v1 import billing_pb2 as pb
from forgepoint.billing.v1.billing_pb2_grpc import BillingServiceStub
from forgepoint.events.v1 import events_pb2
from fp_events import Event
from fp_kernel import new_id
from fp_postgres import Database
from fp_testkit.wallclock import real_now
from replicas import eventually, heard

pytestmark = pytest.mark.proof
PREDICTIONS, SLICE = 6_000, 500
PRICE, INCLUDED, QUOTA = 10, 700, 2_000
REQUESTS = "METER_TYPE_INFERENCE_REQUEST"


def prediction(request_id: str) -> Event:
    payload = events_pb2.InferenceCompleted(request_id=request_id, model_id="m-1", model_name="flights", version="3")
    payload.completed_at.FromDatetime(real_now())
    return Event("fp.inference.completed", payload, team="alpha", resource_id="m-1", summary="s", source="inference")


async def assign_plan(operator):
    meters = [name for name in pb.MeterType.keys() if name != "METER_TYPE_UNSPECIFIED"]  # noqa: SIM118 -- no mapping
    request = pb.CreateRatePlanRequest(
        name="gold",
        unit_prices={meter: pb.Money(amount_micros=PRICE, currency_code="USD") for meter in meters},
        included_quantities={REQUESTS: INCLUDED},
        quota_limits={REQUESTS: QUOTA},
    )
    plan = (await operator.CreateRatePlan(request)).rate_plan
    await operator.AssignRatePlan(pb.AssignRatePlanRequest(rate_plan_id=plan.id))


async def test_every_prediction_is_metered_once_by_two_of_which_each_dies_once(replicas, bus):
    pair = await replicas("billing", FP_BILLING_LINGER="0.05", FP_BILLING_TELL_SECONDS="1")
    database = await Database.connect(pair.database_url, source="proof")
    await assign_plan(BillingServiceStub(pair.channel(pair.first, "operator")))
    keys = [new_id() for _ in range(PREDICTIONS)]

    async def metered(number):
        return await database.fetchval("SELECT count(*) FROM usage_facts") >= number

    async def published():
        """Nothing is left to publish, and the bus has it."""
        waiting = await database.fetchval("SELECT count(*) FROM fp_outbox WHERE published_at IS NULL")
        return waiting + await database.fetchval("SELECT count(*) FROM usage_untold") == 0

    async def publish(number):
        part = keys[number * SLICE : (number + 1) * SLICE]
        # A tenth is sent a second time by other messages, as by a producer whose answer was lost.
        await bus.publish([prediction(key) for key in [*part, *part[::10]]])

    alone = await pair.under_deaths(publish, PREDICTIONS // SLICE)
    await eventually(lambda: metered(PREDICTIONS))
    await eventually(published)
    records = [event.payload for event in await heard(bus, "fp.billing.usage.recorded", 1)]
    exceeded = [event.payload for event in await heard(bus, "fp.billing.quota.exceeded", 1)]

    assert {row["source_id"] for row in await database.fetch("SELECT source_id FROM usage_facts")} == set(keys)
    assert await database.fetchval("SELECT sum(quantity) FROM usage_days") == PREDICTIONS
    assert await database.fetchval("SELECT sum(cost_micros) FROM usage_days") == (PREDICTIONS - INCLUDED) * PRICE
    assert sum(record.facts for record in records) == PREDICTIONS
    assert len({record.record_id for record in records}) == len(records)
    assert sum(record.cost_micros for record in records) == (PREDICTIONS - INCLUDED) * PRICE
    assert [(each.quota_limit, each.current_usage) for each in exceeded] == [(QUOTA, QUOTA + 1)]
    assert min(alone) > 0, "both had a part in it"
    await database.close()
    print(json.dumps({"proof": "two billings", "predictions": PREDICTIONS, "taken_alone": alone}))
