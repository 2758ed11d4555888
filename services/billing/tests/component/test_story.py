"""A team from its plan to its invoice, over the wire."""

import asyncio

import pytest
from forgepoint.billing.v1 import billing_pb2 as pb
from fp_billing.domain.periods import period_of
from fp_kernel import FailedPrecondition
from fp_testkit.patience import PATIENCE
from fp_testkit.wallclock import MOMENT
from google.protobuf.timestamp_pb2 import Timestamp

REQUESTS = "METER_TYPE_INFERENCE_REQUEST"


async def test_predictions_become_usage_cost_and_a_quota_event(billing, ann, bus, prediction, published):
    plan = await ann.plan(price=100, included=10, quota=20)
    assigned = await ann.assign(plan)
    assert (assigned.team, assigned.rate_plan) == ("alpha", plan)

    await bus.publish([prediction() for _ in range(25)])
    await ann.used_up_to(25)

    found = await ann(pb.GetUsageRequest())
    (summary,) = found.summaries
    usage = summary.by_meter[REQUESTS]
    assert (summary.team, usage.meter_type) == ("alpha", pb.METER_TYPE_INFERENCE_REQUEST)
    assert (usage.total_quantity, usage.total_cost.amount_micros) == (25, 1_500)
    assert found.grand_total == summary.total_cost == pb.Money(amount_micros=1_500, currency_code="USD")
    assert summary.period_start == Timestamp(seconds=int(period_of(MOMENT).start.timestamp()))

    quota = await ann(pb.CheckQuotaRequest(meter_type=pb.METER_TYPE_INFERENCE_REQUEST))
    assert (quota.team, quota.rate_plan_id, quota.quota_limit) == ("alpha", plan.id, 20)
    assert (quota.current_usage, quota.remaining, quota.exceeded) == (25, 0, True)

    (exceeded,) = await published("fp.billing.quota.exceeded")
    assert (exceeded.payload.quota_limit, exceeded.payload.current_usage) == (20, 21)
    records = await published("fp.billing.usage.recorded", facts=25)
    assert sum(event.payload.quantity for event in records) == 25
    assert sum(event.payload.cost_micros for event in records) == 1_500
    assert {event.source for event in records} == {"billing"}
    assert {event.payload.model_version for event in records} == {"3"}


async def test_two_replicas_meter_every_prediction_once(start, bus, prediction, published):
    first, second = await start(), await start()
    one, other = first.operator(), second.operator()
    await one.assign(await one.plan(price=10, included=50, quota=100))
    events = [prediction() for _ in range(300)]
    await asyncio.gather(*(bus.publish(events[part::4]) for part in range(4)))
    # What a producer sends again after an answer that was lost: other messages, the same requests.
    await bus.publish([prediction(event.payload.request_id) for event in events[:50]])
    last = prediction(tokens=7)
    await bus.publish([last])
    await one.used_up_to(7, pb.METER_TYPE_INFERENCE_TOKENS)
    await other.used_up_to(301)
    found = await other(pb.GetUsageRequest())
    assert found.summaries[0].by_meter[REQUESTS].total_quantity == 301
    assert found.summaries[0].by_meter[REQUESTS].total_cost.amount_micros == 2_510
    records = await published("fp.billing.usage.recorded", facts=302)
    assert sum(each.payload.facts for each in records) == 302
    assert len({each.payload.record_id for each in records}) == len(records)
    assert len(await published("fp.billing.quota.exceeded")) == 1


async def test_the_month_that_ended_has_a_draft_and_then_a_final_invoice(start, last_month, second_day, published):
    # Within the grace: the month is open, and its draft is made at once.
    billing = await start(second_day)
    ann = billing.operator()
    recorded = await ann.record(12_345, "r1", occurred_at=last_month)
    assert recorded.record.occurred_at.seconds == last_month.timestamp()
    async with asyncio.timeout(PATIENCE):
        while not (drafts := (await ann(pb.ListInvoicesRequest())).invoices):
            await asyncio.sleep(0.02)
    (draft,) = drafts
    assert (draft.status, draft.invoice_number) == (pb.INVOICE_STATUS_DRAFT, "")
    assert draft.total == pb.Money(amount_micros=234_500, currency_code="USD")
    (line,) = draft.line_items
    assert (line.quantity, line.billable_quantity, line.unit_price.amount_micros) == (12_345, 2_345, 100)
    assert line.amount == draft.total
    await billing.service.stop()

    # The same data, and the grace is over.
    ann = (await start(second_day, billing_grace_hours=0)).operator()
    (event,) = await published("fp.billing.invoice.generated")
    final = (await ann(pb.GetInvoiceRequest(invoice_id=draft.id))).invoice
    assert (final.status, final.invoice_number) == (pb.INVOICE_STATUS_FINALIZED, "INV-00000001")
    assert (event.payload.invoice_id, event.payload.total_micros) == (draft.id, 234_500)
    assert final.due_at.seconds - final.finalized_at.seconds == 30 * 86_400
    late = await ann.record(1, "r2", occurred_at=last_month)
    assert late.record.occurred_at.seconds > last_month.timestamp()

    request = pb.MarkInvoicePaidRequest(invoice_id=draft.id, payment_reference="transfer 7", idempotency_key="k")
    paid = (await ann(request)).invoice
    assert (paid.status, paid.note, paid.total) == (pb.INVOICE_STATUS_PAID, "transfer 7", draft.total)
    assert paid.HasField("settled_at")
    assert (await ann(request)).invoice == paid == (await ann(pb.GetInvoiceRequest(invoice_id=draft.id))).invoice
    with pytest.raises(FailedPrecondition):
        await ann(pb.VoidInvoiceRequest(invoice_id=draft.id, reason="a mistake"))


async def test_a_void_invoice_is_issued_again_in_one_command(start, last_month, second_day):
    ann = (await start(second_day)).operator()
    await ann.record(12_345, "r1", occurred_at=last_month)
    ann = (await start(second_day, billing_grace_hours=0)).operator()
    async with asyncio.timeout(PATIENCE):
        while not (found := (await ann(pb.ListInvoicesRequest(status_filter=pb.INVOICE_STATUS_FINALIZED))).invoices):
            await asyncio.sleep(0.02)
    request = pb.VoidInvoiceRequest(invoice_id=found[0].id, reason="wrong address", reissue=True, idempotency_key="k")
    answer = await ann(request)
    assert await ann(request) == answer
    assert (answer.invoice.status, answer.invoice.invoice_number) == (pb.INVOICE_STATUS_VOID, "INV-00000001")
    assert (answer.reissued.status, answer.reissued.invoice_number) == (pb.INVOICE_STATUS_FINALIZED, "INV-00000002")
    assert answer.reissued.total == answer.invoice.total
    assert list((await ann(pb.ListInvoicesRequest())).invoices) == [answer.reissued, answer.invoice]
