"""Repeated commands and bad input, over the wire."""

import asyncio

import pytest
from forgepoint.billing.v1 import billing_pb2 as pb
from forgepoint.common.v1 import common_pb2
from fp_kernel import Aborted, AlreadyExists, InvalidArgument, NotFound, PermissionDenied, new_id
from fp_testkit.patience import PATIENCE
from google.protobuf.timestamp_pb2 import Timestamp

REQUESTS = pb.METER_TYPE_INFERENCE_REQUEST


async def test_usage_that_is_recorded_twice_is_deduplicated_by_its_source_and_by_its_key(ann):
    first = await ann.record(2, "r1")
    again = await ann.record(9, "r1")
    assert (first.deduplicated, again.deduplicated) == (False, True)
    assert again.record == first.record
    keyed = [await ann.record(2, idempotency_key="k1") for _ in range(2)]
    assert [each.deduplicated for each in keyed] == [False, True]
    assert keyed[0].record == keyed[1].record
    assert await ann.used() == 4


async def test_usage_without_a_source_is_a_fact_of_its_own(ann):
    records = [(await ann.record(1)).record.id for _ in range(2)]
    assert len(set(records)) == 2
    assert await ann.used() == 2


async def test_a_plan_that_is_made_twice_with_one_key_is_made_once(ann):
    first, again = [await ann.plan_answer("gold", idempotency_key="k1") for _ in range(2)]
    assert (first.deduplicated, again.deduplicated) == (False, True)
    assert first.rate_plan == again.rate_plan
    with pytest.raises(AlreadyExists):
        await ann.plan("gold")
    with pytest.raises(InvalidArgument):
        await ann.plan("silver", idempotency_key="k1")


async def test_a_plan_is_read_as_it_was_made(ann):
    plan = await ann.plan(price=7, included=3, quota=9)
    assert set(plan.unit_prices) == {name for name in pb.MeterType.keys() if name != "METER_TYPE_UNSPECIFIED"}  # noqa: SIM118 -- no mapping
    assert plan.unit_prices["METER_TYPE_COMPUTE_SECONDS"] == pb.Money(amount_micros=7, currency_code="USD")
    assert dict(plan.included_quantities) == {"METER_TYPE_INFERENCE_REQUEST": 3}
    assert dict(plan.quota_limits) == {"METER_TYPE_INFERENCE_REQUEST": 9}


async def test_a_plan_may_price_some_meters_only_and_by_the_million(ann):
    """As the original's own clients make plans."""
    tokens = "METER_TYPE_INFERENCE_TOKENS"
    asked = pb.CreateRatePlanRequest(
        name="tokens",
        unit_prices={tokens: pb.Money(amount_micros=50_000, currency_code="USD")},
        per_units={tokens: 1_000_000},
    )
    plan = (await ann(asked)).rate_plan
    assert (plan.unit_prices[tokens].amount_micros, dict(plan.per_units)) == (50_000, {tokens: 1_000_000})
    assert plan.unit_prices["METER_TYPE_STORAGE_BYTES"].amount_micros == 0
    assert (await ann(pb.GetRatePlanRequest(rate_plan_id=plan.id))).rate_plan == plan
    assert (await ann(pb.GetRatePlanRequest(name=plan.name))).rate_plan == plan
    await ann.assign(plan)
    costs = [
        (await ann.record(30, meter_type=pb.METER_TYPE_INFERENCE_TOKENS)).record.cost.amount_micros for _ in range(4)
    ]
    assert costs == [1, 2, 1, 2]


# One service answers all of them: starting one takes longer than asking it.
BAD = [
    (pb.RecordUsageRequest(quantity=1), "meter_type"),
    (pb.RecordUsageRequest(meter_type=99, quantity=1), "meter_type"),
    (pb.RecordUsageRequest(meter_type=REQUESTS, quantity=-1), "quantity"),
    (pb.RecordUsageRequest(meter_type=REQUESTS, quantity=2**62), "quantity"),
    (pb.RecordUsageRequest(meter_type=REQUESTS, occurred_at=Timestamp(seconds=2**60)), "occurred_at"),
    (pb.CreateRatePlanRequest(name="x"), "unit_prices"),
    (pb.CreateRatePlanRequest(), "name"),
    (pb.GetRatePlanRequest(rate_plan_id="x"), "rate_plan_id"),
    (pb.GetRatePlanRequest(rate_plan_id=new_id(), name="x"), "name"),
    (pb.AssignRatePlanRequest(), "rate_plan_id"),
    (pb.AssignRatePlanRequest(rate_plan_id=new_id(), team="x" * 129), "team"),
    (pb.CheckQuotaRequest(), "meter_type"),
    (pb.CheckQuotaRequest(meter_type=REQUESTS, team="a\nb"), "team"),
    (pb.GetUsageRequest(meter_type_filter=99), "meter_type_filter"),
    (pb.GetUsageRequest(granularity=99), "granularity"),
    (pb.GetUsageRequest(period_start=Timestamp(seconds=2**60)), "period_start"),
    (pb.GetUsageRequest(period_end=Timestamp(seconds=253_402_300_799)), "period_end"),
    (pb.GetUsageRequest(period_start=Timestamp(seconds=9), period_end=Timestamp(seconds=9)), "period_end"),
    (
        pb.GetUsageRequest(pagination=common_pb2.PaginationRequest(page_token="x")),
        "pagination.page_token",
    ),
    (pb.GetInvoiceRequest(invoice_id="1"), "invoice_id"),
    (pb.ListInvoicesRequest(status_filter=99), "status_filter"),
    (pb.CreateAdjustmentRequest(), "team"),
    (pb.CreateAdjustmentRequest(team="alpha"), "period_start"),
    (pb.ListInvoicesRequest(pagination=common_pb2.PaginationRequest(page_size=-1)), "pagination.page_size"),
]


async def test_who_did_not_see_the_last_assignment_of_a_plan_overwrites_nothing(ann):
    async def assign(expected, price):
        plan = await ann.plan(f"plan-{price}", price=price)
        return await ann(pb.AssignRatePlanRequest(rate_plan_id=plan.id, expected_revision=expected))

    quota = pb.CheckQuotaRequest(meter_type=pb.METER_TYPE_INFERENCE_REQUEST)
    assert (await ann(quota)).assignment_revision == 0
    # Usage gives a team its account, which is no assignment.
    await ann.record()
    first = await assign(0, price=1)
    standing = await ann(quota)
    assert (standing.rate_plan_id, standing.assignment_revision > 0) == (first.rate_plan.id, True)
    with pytest.raises(Aborted) as caught:
        await assign(0, price=2)
    assert caught.value.reason == "REVISION_CHANGED"
    assert await ann(quota) == standing
    await assign(standing.assignment_revision, price=3)
    assert (await ann(quota)).assignment_revision > standing.assignment_revision


async def test_bad_input_is_refused_by_the_name_of_its_field(ann):
    for request, field in BAD:
        with pytest.raises(InvalidArgument) as error:
            await ann(request)
        assert [violation.field for violation in error.value.fields] == [field], request


async def test_what_is_not_there_is_not_found(ann):
    for request in (
        pb.GetRatePlanRequest(rate_plan_id=new_id()),
        pb.GetRatePlanRequest(name="nobody's"),
        pb.AssignRatePlanRequest(rate_plan_id=new_id()),
        pb.GetInvoiceRequest(invoice_id=new_id()),
    ):
        with pytest.raises(NotFound):
            await ann(request)


async def test_lists_go_on_where_the_page_ended(ann):
    made = [(await ann.plan(f"plan {number}")).name for number in range(3)]
    first = await ann(pb.ListRatePlansRequest(pagination=common_pb2.PaginationRequest(page_size=2)))
    token = first.pagination.next_page_token
    rest = await ann(pb.ListRatePlansRequest(pagination=common_pb2.PaginationRequest(page_size=2, page_token=token)))
    assert [plan.name for plan in (*first.rate_plans, *rest.rate_plans)] == [*reversed(made), "default"]
    assert not rest.pagination.next_page_token
    with pytest.raises(InvalidArgument):
        await ann(pb.ListInvoicesRequest(pagination=common_pb2.PaginationRequest(page_token=token)))


async def test_usage_by_day_is_paged_and_its_total_is_of_all(start, last_month, second_day):
    ann = (await start(second_day)).operator()
    await ann.record(10_001, occurred_at=last_month)
    await ann.record(10_003)
    request = pb.GetUsageRequest(granularity=pb.USAGE_GRANULARITY_DAY)
    request.period_start.FromDatetime(last_month)
    request.pagination.page_size = 1
    first = await ann(request)
    request.pagination.page_token = first.pagination.next_page_token
    second = await ann(request)
    days = [summary.by_meter["METER_TYPE_INFERENCE_REQUEST"].total_quantity for summary in first.summaries]
    days += [summary.by_meter["METER_TYPE_INFERENCE_REQUEST"].total_quantity for summary in second.summaries]
    assert days == [10_003, 10_001]
    assert first.grand_total == second.grand_total == pb.Money(amount_micros=400, currency_code="USD")
    (summary,) = first.summaries
    assert summary.period_end.seconds - summary.period_start.seconds == 86_400


async def test_a_correction_is_made_by_who_may_act_for_the_team_and_shown_to_it(start, billing, ann, last_month):
    request = pb.CreateAdjustmentRequest(
        team="alpha", amount=pb.Money(amount_micros=-5, currency_code="USD"), reason="an outage"
    )
    request.period_start.FromDatetime(last_month)
    made = (await ann(request, key="k")).adjustment
    assert (await ann(request, key="k")).adjustment == made
    assert (await ann(pb.ListAdjustmentsRequest())).adjustments == [made]
    assert (made.amount.amount_micros, made.reason, made.team) == (-5, "an outage", "alpha")
    assert made.period_start == made.invoiced_period_start
    with pytest.raises(PermissionDenied):
        await billing.admin()(request)
    async with asyncio.timeout(PATIENCE):
        while not (invoices := (await ann(pb.ListInvoicesRequest())).invoices):
            await asyncio.sleep(0.02)
    (line,) = invoices[0].line_items
    assert (line.adjustment_id, line.amount.amount_micros, line.meter_type) == (made.id, -5, 0)
    assert invoices[0].total.amount_micros == -5
