from datetime import UTC, datetime, timedelta

import pytest
from fp_billing.app import issue_invoices
from fp_billing.domain.invoices import Status
from fp_billing.domain.meters import Meter
from fp_kernel import NotFound, new_id

APRIL = datetime(2013, 4, 1, tzinfo=UTC)
FINAL = APRIL + timedelta(hours=72)


async def test_a_month_has_no_invoice_before_it_ends(desk):
    await desk.use()
    assert await desk.invoicing() == 0
    assert await desk.invoices() == []


async def test_the_end_of_a_month_makes_a_draft(desk, new_plan, clock):
    plan = await desk.put_on(new_plan(price=100, included=2))
    await desk.use(5)
    await desk.use(3, meter=Meter.COMPUTE_SECONDS)
    clock.set_wall(APRIL)
    assert await desk.invoicing() == 1
    (invoice,) = await desk.invoices()
    assert (invoice.status, invoice.number, invoice.label, invoice.plan_id) == (Status.DRAFT, 0, "", plan.id)
    assert [(line.meter, line.quantity, line.billable, line.amount_micros) for line in invoice.lines] == [
        (Meter.INFERENCE_REQUEST, 5, 3, 300),
        (Meter.COMPUTE_SECONDS, 3, 1, 100),
    ]
    assert invoice.total.amount_micros == 400
    assert await desk.events("invoice") == []


async def test_a_draft_that_has_everything_is_not_made_again(desk, clock):
    await desk.use()
    clock.set_wall(APRIL)
    assert [await desk.invoicing(), await desk.invoicing()] == [1, 0]


async def test_late_usage_comes_into_the_draft(desk, new_plan, clock):
    await desk.put_on(new_plan(price=100))
    await desk.use()
    happened = clock.now()
    clock.set_wall(APRIL + timedelta(hours=5))
    await desk.invoicing()
    await desk.use(2, at=happened)
    assert await desk.invoicing() == 1
    (invoice,) = await desk.invoices()
    assert (invoice.status, invoice.total.amount_micros) == (Status.DRAFT, 300)


async def test_an_invoice_is_final_after_the_grace_and_published_once(desk, new_plan, clock):
    await desk.put_on(new_plan(price=100))
    await desk.use()
    clock.set_wall(APRIL)
    await desk.invoicing()
    (before,) = await desk.invoices()
    clock.set_wall(FINAL)
    assert [await desk.invoicing(), await desk.invoicing()] == [1, 0]
    (invoice,) = await desk.invoices()
    assert (invoice.id, invoice.status, invoice.label) == (before.id, Status.FINALIZED, "INV-00000001")
    assert (invoice.finalized_at, invoice.due_at) == (FINAL, FINAL + timedelta(days=30))
    (event,) = await desk.events("invoice")
    assert (event.payload.invoice_id, event.payload.invoice_number) == (invoice.id, "INV-00000001")
    assert (event.payload.total_micros, event.team) == (100, "alpha")
    assert desk.invoiced == ["DRAFT", "FINALIZED"]


async def test_a_final_invoice_never_changes(desk, new_plan, clock):
    await desk.put_on(new_plan(price=100))
    await desk.use()
    happened = clock.now()
    clock.set_wall(FINAL)
    await desk.invoicing()
    (before,) = await desk.invoices()
    # Another replica's clock is behind: for it the grace is not over.
    clock.set_wall(FINAL - timedelta(seconds=1))
    late = await desk.use(at=happened)
    assert late.record.occurred_at == APRIL
    await desk.invoicing()
    assert list(await desk.invoices()) == [before]
    assert await desk.used() == 1


async def test_numbers_are_sequential_and_without_gaps(desk, clock):
    for team in ("alpha", "beta", "gamma"):
        await desk.use(team=team)
    clock.set_wall(FINAL)
    await desk.invoicing()
    for team in ("beta", "alpha"):
        await desk.use(team=team)
    clock.set_wall(FINAL.replace(month=5))
    await desk.invoicing()
    labels = [invoice.label for team in ("alpha", "beta", "gamma") for invoice in await desk.invoices(team)]
    assert sorted(labels) == [f"INV-0000000{number}" for number in range(1, 6)]


async def test_plans_that_changed_within_a_month_have_their_own_lines(desk, new_plan, clock):
    old = await desk.put_on(new_plan("old", price=100))
    await desk.use(2)
    new = await desk.put_on(new_plan("new", price=7))
    await desk.use(3)
    clock.set_wall(APRIL)
    await desk.invoicing()
    (invoice,) = await desk.invoices()
    lines = {line.plan_id: (line.plan_name, line.quantity, line.amount_micros) for line in invoice.lines}
    assert lines == {old.id: ("old", 2, 200), new.id: ("new", 3, 21)}
    assert invoice.total.amount_micros == 221
    assert invoice.plan_id == new.id


async def test_a_month_in_which_nothing_was_used_has_no_invoice(desk, new_plan, clock):
    await desk.put_on(new_plan())
    clock.set_wall(FINAL)
    assert [await desk.invoicing(), await desk.invoicing()] == [1, 0]
    assert await desk.invoices() == []


async def test_an_invoice_sums_what_its_records_cost(desk, new_plan, clock):
    await desk.put_on(new_plan(price=13, included=7))
    records = [(await desk.use(number % 4)).record for number in range(12)]
    clock.set_wall(APRIL)
    await desk.invoicing()
    (invoice,) = await desk.invoices()
    assert invoice.total.amount_micros == sum(record.cost.amount_micros for record in records)


async def test_an_invoice_of_another_team_is_not_there(desk, clock):
    await desk.use()
    clock.set_wall(APRIL)
    await desk.invoicing()
    (invoice,) = await desk.invoices()
    assert await desk.read.invoice(invoice.id, "alpha") == invoice
    assert await desk.read.invoice(invoice.id, "") == invoice
    for team, invoice_id in (("beta", invoice.id), ("alpha", new_id())):
        with pytest.raises(NotFound):
            await desk.read.invoice(invoice_id, team)


async def test_invoices_are_listed_by_status(desk, clock):
    await desk.use()
    clock.set_wall(FINAL)
    await desk.invoicing()
    await desk.use()
    clock.set_wall(FINAL.replace(month=5, day=1))
    await desk.invoicing()
    assert [invoice.status for invoice in await desk.invoices()] == [Status.DRAFT, Status.FINALIZED]
    assert [invoice.period.start.month for invoice in await desk.invoices(status=Status.DRAFT)] == [4]


async def test_an_account_that_fails_holds_up_no_other_one(desk, clock, monkeypatch):
    """Whatever the error: an invoice that cannot be made must not keep every later team from its own."""
    monkeypatch.setattr(issue_invoices, "_BATCH", 2)
    teams = [f"team {number}" for number in range(7)]
    for team in teams:
        await desk.use(team=team)
    bad = ("team 0", "team 1", "team 4")
    await desk.side.database.execute(
        "ALTER TABLE invoices ADD CONSTRAINT broken CHECK (team NOT IN ('team 0', 'team 1', 'team 4'))"
    )
    clock.set_wall(FINAL)
    await desk.invoicing()
    made = {team: len(await desk.invoices(team)) for team in teams}
    assert made == {team: int(team not in bad) for team in teams}
    await desk.side.database.execute("ALTER TABLE invoices DROP CONSTRAINT broken")
    await desk.invoicing()
    assert [len(await desk.invoices(team)) for team in bad] == [1, 1, 1]


async def test_a_page_of_invoices_asks_for_all_their_lines_at_once(desk, clock):
    asked = []
    for month in range(4, 10):
        await desk.use()
        clock.set_wall(APRIL.replace(month=month))
        await desk.invoicing()
    fetch = desk.side.database.fetch

    async def counted(*arguments):
        asked.append(arguments)
        return await fetch(*arguments)

    desk.side.database.fetch = counted
    found = await desk.invoices()
    assert [len(invoice.lines) for invoice in found] == [1] * 6
    # Invoices, their lines, their corrections.
    assert len(asked) == 3
