"""Final invoices are paid, made void, or fall due."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from fp_billing.app.settle_invoice import Settlement
from fp_billing.domain.invoices import Status
from fp_kernel import Command, FailedPrecondition, InvalidArgument, NotFound, Principal, Replayed, new_id

ANN = Principal("ann", "alpha", "admin", frozenset({"*:*"}), 0.0)
FINAL = datetime(2013, 4, 4, tzinfo=UTC)
DUE = FINAL + timedelta(days=30)
PAID = Settlement(Status.PAID, "payment_reference", "transfer 7")
VOID = Settlement(Status.VOID, "reason", "the meter was broken")


def command(key=""):
    return Command("alpha", "/Rpc", key, b"", lambda _: b"answer")


@pytest.fixture
async def final(desk, clock):
    """An invoice that somebody has to pay."""
    await desk.use(20_000)
    clock.set_wall(FINAL)
    await desk.invoicing()
    (invoice,) = await desk.invoices()
    return invoice


@pytest.mark.parametrize("end", [PAID, VOID])
async def test_a_final_invoice_is_paid_or_void_for_ever_and_stays_what_it_was(desk, final, clock, end):
    clock.advance(60)
    settled = (await desk.do.settle_invoice(final.id, "alpha", end, ANN, command())).invoice
    assert (settled.status, settled.note, settled.settled_by) == (end.status, end.note, "ann")
    assert settled.settled_at == FINAL + timedelta(minutes=1)
    assert (settled.number, settled.lines, settled.total) == (final.number, final.lines, final.total)
    assert list(await desk.invoices()) == [settled]
    for other in (PAID, VOID):
        with pytest.raises(FailedPrecondition) as refused:
            await desk.do.settle_invoice(final.id, "alpha", other, ANN, command())
        assert refused.value.reason == "INVOICE_NOT_OPEN"
    clock.set_wall(DUE)
    assert await desk.invoicing.fall_due() == 0


async def test_what_is_sent_twice_happens_once(desk, final):
    await desk.do.settle_invoice(final.id, "", PAID, ANN, command("k"))
    with pytest.raises(Replayed):
        await desk.do.settle_invoice(final.id, "", PAID, ANN, command("k"))


async def test_a_draft_is_neither_paid_nor_void(desk, clock):
    await desk.use()
    clock.set_wall(FINAL - timedelta(days=2))
    await desk.invoicing()
    (draft,) = await desk.invoices()
    with pytest.raises(FailedPrecondition):
        await desk.do.settle_invoice(draft.id, "alpha", PAID, ANN, command())


async def test_an_invoice_that_nobody_pays_in_time_is_overdue_and_can_still_be_paid(desk, final, clock):
    clock.set_wall(DUE - timedelta(seconds=1))
    assert await desk.invoicing.fall_due() == 0
    clock.set_wall(DUE)
    assert [await desk.invoicing.fall_due(), await desk.invoicing.fall_due()] == [1, 0]
    (late,) = await desk.invoices(status=Status.OVERDUE)
    assert (late.id, late.total, late.due_at) == (final.id, final.total, DUE)
    assert desk.invoiced == ["FINALIZED", "OVERDUE"]
    settled = (await desk.do.settle_invoice(final.id, "alpha", PAID, ANN, command())).invoice
    assert settled.status is Status.PAID


async def test_a_void_invoice_is_issued_again_with_a_number_of_its_own(desk, final):
    ended = await desk.do.settle_invoice(final.id, "alpha", replace(VOID, reissue=True), ANN, command())
    void, fresh = ended.invoice, ended.reissued
    assert (void.status, fresh.status) == (Status.VOID, Status.FINALIZED)
    assert (fresh.number, fresh.period, fresh.total) == (void.number + 1, void.period, void.total)
    assert list(await desk.invoices()) == [fresh, void]
    assert [event.payload.invoice_id for event in await desk.events("invoice")] == [final.id, fresh.id]
    with pytest.raises(FailedPrecondition) as refused:
        await desk.do.settle_invoice(final.id, "alpha", replace(VOID, reissue=True), ANN, command())
    assert refused.value.reason == "INVOICE_REISSUED"
    assert (await desk.do.settle_invoice(fresh.id, "alpha", PAID, ANN, command())).invoice.status is Status.PAID


async def test_an_invoice_that_is_void_already_can_be_issued_again_once(desk, final):
    await desk.do.settle_invoice(final.id, "alpha", VOID, ANN, command())
    again = replace(VOID, reissue=True)
    fresh = (await desk.do.settle_invoice(final.id, "alpha", again, ANN, command())).reissued
    with pytest.raises(FailedPrecondition):
        await desk.do.settle_invoice(final.id, "alpha", again, ANN, command())
    await desk.do.settle_invoice(fresh.id, "alpha", again, ANN, command())
    assert [each.status for each in await desk.invoices()] == [Status.FINALIZED, Status.VOID, Status.VOID]


async def test_an_invoice_is_settled_by_its_team_or_by_who_may_act_for_all(desk, final):
    for invoice_id, team in ((final.id, "beta"), (new_id(), "")):
        with pytest.raises(NotFound):
            await desk.do.settle_invoice(invoice_id, team, PAID, ANN, command())


@pytest.mark.parametrize("note", ["", " ", "two\nlines", "x" * 257])
async def test_a_payment_and_a_reason_are_published_in_one_line(desk, final, note):
    with pytest.raises(InvalidArgument) as refused:
        await desk.do.settle_invoice(final.id, "alpha", Settlement(Status.VOID, "reason", note), ANN, command())
    assert [each.field for each in refused.value.fields] == ["reason"]


async def test_of_two_who_settle_at_once_one_does_and_the_schedule_changes_nothing_more(replicas, clock):
    first, second = replicas
    await first.use(20_000)
    clock.set_wall(FINAL)
    await first.invoicing()
    (invoice,) = await first.invoices()
    clock.set_wall(DUE)
    ends = await asyncio.gather(
        first.do.settle_invoice(invoice.id, "alpha", PAID, ANN, command()),
        second.do.settle_invoice(invoice.id, "alpha", VOID, ANN, command()),
        first.invoicing.fall_due(),
        second.invoicing.fall_due(),
        return_exceptions=True,
    )
    assert sum(isinstance(end, FailedPrecondition) for end in ends) == 1
    (settled,) = [end for end in ends[:2] if not isinstance(end, Exception)]
    assert list(await second.invoices()) == [settled.invoice]
