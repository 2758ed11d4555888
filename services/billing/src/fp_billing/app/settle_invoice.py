"""Say that an invoice was paid, or that nobody has to pay it."""

from dataclasses import dataclass

from fp_kernel import Clock, Command, Principal, invalid

from fp_billing.app.missing import no_invoice
from fp_billing.app.ports import Reads, Transactions
from fp_billing.domain.invoices import Invoice, Status, settle

_LONGEST_NOTE = 256


@dataclass(frozen=True, slots=True)
class Settlement:
    """status: PAID or VOID. note: the payment or the reason; the caller knows it as `field`."""

    status: Status
    field: str
    note: str


class SettleInvoice:
    def __init__(self, transactions: Transactions, reads: Reads, clock: Clock) -> None:
        self._transactions = transactions
        self._reads = reads
        self._clock = clock

    async def __call__(
        self, invoice_id: str, team: str, end: Settlement, caller: Principal, command: Command
    ) -> Invoice:
        """team: whose invoice it must be, empty for any. Raises InvalidArgument, NotFound, FailedPrecondition."""
        _check(end)
        found = await self._reads.invoice(invoice_id, team)
        if found is None:
            raise no_invoice()
        async with self._transactions(command) as tx:
            await tx.hold(found.team)
            invoice = await tx.invoice(found.team, found.period)
            if invoice is None:
                raise no_invoice()
            settled = settle(invoice, end.status, note=end.note, by=caller.user_id, now=self._clock.now())
            await tx.save_invoice(settled)
            await tx.complete(settled)
        return settled


def _check(end: Settlement) -> None:
    if not end.note.strip() or len(end.note) > _LONGEST_NOTE or not end.note.isprintable():
        raise invalid(end.field, f"must be 1 to {_LONGEST_NOTE} characters of one line")
