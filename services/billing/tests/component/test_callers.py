"""Who may do and see what."""

import pytest
from forgepoint.billing.v1 import billing_pb2 as pb
from fp_kernel import InvalidArgument, NotFound, PermissionDenied, new_id

QUOTA = pb.CheckQuotaRequest(meter_type=pb.METER_TYPE_INFERENCE_REQUEST)


async def test_engineers_read_usage_and_change_nothing(billing, ann):
    plan, eve = await ann.plan(), billing.engineer()
    assert (await eve(pb.GetRatePlanRequest(rate_plan_id=plan.id))).rate_plan == plan
    assert [each.name for each in (await eve(pb.ListRatePlansRequest())).rate_plans] == ["gold", "default"]
    await eve(pb.GetUsageRequest())
    await eve(pb.ListInvoicesRequest())
    for refused in (
        pb.CreateRatePlanRequest(name="mine"),
        pb.AssignRatePlanRequest(rate_plan_id=plan.id),
        pb.RecordUsageRequest(meter_type=pb.METER_TYPE_INFERENCE_REQUEST, quantity=1),
    ):
        with pytest.raises(PermissionDenied):
            await eve(refused)


async def test_an_operator_may_see_another_team_and_put_it_on_a_plan(billing, ann):
    await billing.admin("beta").record(3, "r1")
    assert await ann.used(team="beta") == 3
    (summary,) = (await ann(pb.GetUsageRequest(team="beta"))).summaries
    assert summary.team == "beta"
    plan = await ann.plan()
    assert (await ann.assign(plan, "beta")).team == "beta"
    assert (await billing.admin("beta")(QUOTA)).rate_plan_id == plan.id
    assert (await ann(QUOTA)).rate_plan_id != plan.id


async def test_an_admin_of_a_team_sets_no_price_and_settles_no_invoice(billing, ann):
    """He could once put his own team on a plan of his making, and void the invoices of others."""
    plan, eve = await ann.plan(), billing.admin("beta")
    await ann.record(3, "r1")
    assert await eve.used(team="alpha") == 0
    for refused in (
        pb.CreateRatePlanRequest(name="mine"),
        pb.AssignRatePlanRequest(rate_plan_id=plan.id, team="beta"),
        pb.MarkInvoicePaidRequest(invoice_id=new_id()),
        pb.VoidInvoiceRequest(invoice_id=new_id()),
    ):
        with pytest.raises(PermissionDenied):
            await eve(refused)


async def test_everybody_else_sees_the_own_team_whatever_is_named(billing, ann):
    await ann.record(3, "r1")
    await billing.admin("beta").record(5, "r1")
    eve = billing.engineer()
    assert await eve.used(team="beta") == 3
    found = await eve(pb.GetUsageRequest(team="beta"))
    assert [summary.team for summary in found.summaries] == ["alpha"]
    assert not (await eve(pb.ListInvoicesRequest(team="beta"))).invoices


async def test_a_service_acts_for_a_team_or_names_one(billing, ann):
    acting, free = billing.as_service("inference", acting="alpha"), billing.as_service("inference")
    assert (await acting.record(2, "r1")).record.team == "alpha"
    assert await free.used(team="alpha") == 2
    assert await acting.used(team="beta") == 2
    with pytest.raises(InvalidArgument):
        await free.used()
    with pytest.raises(InvalidArgument):
        await free.record()
    with pytest.raises(PermissionDenied):
        await free.plan()


async def test_an_invoice_of_another_team_is_not_found(billing, ann):
    for caller in (billing.engineer("beta"), ann):
        with pytest.raises(NotFound):
            await caller(pb.GetInvoiceRequest(invoice_id=new_id()))
