"""Say that an invoice was paid, or that nobody has to pay it; and make another one in its place."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from fp_kernel import Clock, Command, FailedPrecondition, Principal
from fp_kernel.texts import check_line

from fp_billing.app.ports import Reads, Transaction, Transactions
from fp_billing.app.refusals import no_invoice
from fp_billing.domain.events import InvoiceGenerated
from fp_billing.domain.invoices import Invoice, Status, draft, finalize, settle

_LONGEST_NOTE = 256


@dataclass(frozen=True, slots=True)
class Settlement:
    """status: PAID or VOID. note: the payment or the reason; the caller knows it as `field`.

    reissue: another invoice of the period takes the place of the void one.
    """

    status: Status
    field: str
    note: str
    reissue: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """reissued: the invoice in its place, when one was asked for."""

    invoice: Invoice
    reissued: Invoice | None = None


class SettleInvoice:
    """due_in: from a final invoice to the day it is due."""

    def __init__(self, transactions: Transactions, reads: Reads, clock: Clock, due_in: timedelta) -> None:
        self._transactions = transactions
        self._reads = reads
        self._clock = clock
        self._due_in = due_in

    async def __call__(
        self, invoice_id: str, team: str, end: Settlement, caller: Principal, command: Command
    ) -> Settled:
        """team: whose invoice it must be, empty for any. Raises InvalidArgument, NotFound, FailedPrecondition."""
        check_line(end.note, end.field, _LONGEST_NOTE, required=True)
        found = await self._reads.invoice(invoice_id, team)
        if found is None:
            raise no_invoice()
        now = self._clock.now()
        async with self._transactions(command) as tx:
            await tx.accounts.hold(found.team, now)
            invoice = await tx.invoices.by_id(found.team, invoice_id)
            if invoice is None:
                raise no_invoice()
            if not (end.reissue and invoice.status is Status.VOID):
                invoice = settle(invoice, end.status, note=end.note, by=caller.user_id, now=now)
                await tx.invoices.save(invoice)
            settled = Settled(invoice, await self._reissued(tx, invoice, now) if end.reissue else None)
            await tx.complete(settled)
        return settled

    async def _reissued(self, tx: Transaction, void: Invoice, now: datetime) -> Invoice:
        """Final at once: the period is over, and its records say what it holds."""
        if await tx.invoices.find(void.team, void.period) is not None:
            raise FailedPrecondition("another invoice of the period took its place", reason="INVOICE_REISSUED")
        contents = await tx.invoices.contents(void.team, void.period)
        fresh = draft(void.team, void.plan_id, void.period, contents, currency=void.total.currency, now=now)
        final = finalize(fresh, await tx.invoices.next_number(), now, due_in=self._due_in)
        await tx.invoices.save(final)
        tx.outbox.add(InvoiceGenerated(final))
        return final
