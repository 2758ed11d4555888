"""A month is corrected by an entry of its own; what was metered stays what it was."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from fp_billing.app.settle_invoice import Settlement
from fp_billing.domain.adjustments import NewAdjustment
from fp_billing.domain.invoices import Status
from fp_billing.domain.periods import Period, period_of
from fp_billing.domain.plans import Money
from fp_kernel import Command, FailedPrecondition, InvalidArgument, PageRequest, Principal, Replayed

ANN = Principal("ann", "alpha", "admin", frozenset({"*:*"}), 0.0)
MARCH = Period(datetime(2013, 3, 1, tzinfo=UTC))
APRIL = Period(datetime(2013, 4, 1, tzinfo=UTC))
FINAL = datetime(2013, 4, 4, tzinfo=UTC)
VOID = Settlement(Status.VOID, "reason", "the plan was wrong", reissue=True)
CREDIT = NewAdjustment("alpha", MARCH, Money(-250, "USD"), "outage of 9 March")


def command(key=""):
    return Command("alpha", "/Rpc", key, b"", lambda _: b"answer")


def entries(invoice):
    return [(each.amount.amount_micros, each.reason, each.created_by) for each in invoice.adjustments]


async def adjust(desk, new=CREDIT, key=""):
    return await desk.do.create_adjustment(new, ANN, command(key))


async def facts(desk):
    rows = await desk.side.database.fetch("SELECT * FROM usage_facts ORDER BY id")
    return [dict(row) for row in rows]


async def test_a_correction_is_a_line_of_the_invoice_and_touches_no_fact(desk, clock):
    await desk.use(20_000)
    before = await facts(desk)
    made = await adjust(desk)
    await adjust(desk, replace(CREDIT, amount=Money(40, "USD"), reason="a fee"))
    assert (made.period, made.invoiced_in, made.created_by, made.created_at) == (MARCH, MARCH, "ann", clock.now())
    assert await facts(desk) == before
    clock.set_wall(FINAL)
    await desk.invoicing()
    (invoice,) = await desk.invoices()
    assert entries(invoice) == [(-250, "outage of 9 March", "ann"), (40, "a fee", "ann")]
    assert invoice.total.amount_micros == sum(line.amount_micros for line in invoice.lines) - 210
    assert invoice.adjustments[0].description == "adjustment of 2013-03: outage of 9 March"
    (event,) = await desk.events("invoice")
    assert event.payload.total_micros == invoice.total.amount_micros


async def test_a_draft_is_completed_by_a_later_correction(desk, clock):
    await desk.use(20_000)
    clock.set_wall(FINAL - timedelta(days=2))
    await desk.invoicing()
    await adjust(desk)
    assert await desk.invoicing() == 1
    (invoice,) = await desk.invoices()
    assert (invoice.status, len(invoice.adjustments)) == (Status.DRAFT, 1)


async def test_a_final_invoice_stays_what_it_is_and_the_present_month_takes_its_correction(desk, clock):
    await desk.use(20_000)
    clock.set_wall(FINAL)
    await desk.invoicing()
    (march,) = await desk.invoices()
    made = await adjust(desk)
    assert (made.period, made.invoiced_in) == (MARCH, APRIL)
    clock.set_wall(datetime(2013, 5, 4, tzinfo=UTC))
    await desk.invoicing()
    april, again = await desk.invoices()
    assert again == march
    assert (april.period, april.total.amount_micros, entries(april)) == (
        APRIL,
        -250,
        [(-250, "outage of 9 March", "ann")],
    )


async def test_an_invoice_that_takes_the_place_of_a_void_one_keeps_its_corrections(desk, clock):
    await desk.use(20_000)
    await adjust(desk)
    clock.set_wall(FINAL)
    await desk.invoicing()
    (final,) = await desk.invoices()
    fresh = (await desk.do.settle_invoice(final.id, "alpha", VOID, ANN, command())).reissued
    assert (fresh.adjustments, fresh.total) == (final.adjustments, final.total)
    assert [each.adjustments for each in await desk.invoices()] == [final.adjustments, final.adjustments]


async def test_what_is_sent_twice_is_one_entry(desk):
    await adjust(desk, key="k")
    with pytest.raises(Replayed):
        await adjust(desk, key="k")
    found, _ = await desk.read.adjustments("alpha", PageRequest(10))
    assert len(found) == 1


async def test_corrections_are_listed_newest_first_for_their_team(desk):
    made = [await adjust(desk, replace(CREDIT, reason=f"number {n}")) for n in range(3)]
    await adjust(desk, replace(CREDIT, team="beta"))
    first, after = await desk.read.adjustments("alpha", PageRequest(2))
    rest, end = await desk.read.adjustments("alpha", PageRequest(2, (after,)))
    assert [*first, *rest] == made[::-1]
    assert end == ""


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": Money(0, "USD")}, "amount"),
        ({"amount": Money(10**15 + 1, "USD")}, "amount"),
        ({"reason": "two\nlines"}, "reason"),
        ({"reason": ""}, "reason"),
        ({"period": APRIL}, "period_start"),
    ],
)
async def test_a_correction_that_cannot_be_is_refused_by_its_field(desk, change, field):
    with pytest.raises(InvalidArgument) as refused:
        await adjust(desk, replace(CREDIT, **change))
    assert [each.field for each in refused.value.fields] == [field]


async def test_a_correction_has_the_currency_of_its_invoice(desk, new_plan, clock):
    await adjust(desk)
    euros = await desk.do.create_rate_plan(new_plan("euros", currency="EUR"), ANN, command())
    # An invoice that shows dollars already cannot be one in euros.
    with pytest.raises(FailedPrecondition):
        await desk.do.assign_rate_plan("alpha", euros.id, ANN, command())
    with pytest.raises(FailedPrecondition) as refused:
        await adjust(desk, replace(CREDIT, amount=Money(-250, "EUR")))
    assert refused.value.metadata == {"currency": "USD"}
    clock.set_wall(FINAL)
    assert period_of(clock.now()) == APRIL
    await desk.do.assign_rate_plan("alpha", euros.id, ANN, command())
