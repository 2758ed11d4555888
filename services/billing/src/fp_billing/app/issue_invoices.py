"""Invoices: a draft at the end of a period, final after its grace, overdue when nobody paid in time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from fp_kernel import Aborted, Clock, Unavailable
from fp_telemetry import get_logger

from fp_billing.app.ports import Due, Reads, Transaction, Transactions
from fp_billing.domain.accounts import Account
from fp_billing.domain.events import InvoiceGenerated
from fp_billing.domain.invoices import draft, fall_due, finalize, redraft
from fp_billing.domain.periods import Grace, Period, period_of

log = get_logger(__name__)

_BATCH = 100


class IssueInvoices:
    """Every replica runs it: the team's lock makes each invoice once.

    due_in: from final to due. observe: hears the status of each invoice that was made or completed.
    """

    def __init__(
        self,
        transactions: Transactions,
        reads: Reads,
        *,
        clock: Clock,
        grace: Grace,
        due_in: timedelta,
        observe: Callable[[str], None],
    ) -> None:
        self._transactions = transactions
        self._reads = reads
        self._clock = clock
        self._grace = grace
        self._due_in = due_in
        self._observe = observe

    async def __call__(self) -> int:
        """Go once through all that is due; how many accounts it was. One that fails holds up none behind it."""
        now, found = self._clock.now(), 0
        final_before = period_of(now - self._grace.length)
        after: tuple[Period, str] | None = None
        while accounts := await self._reads.to_invoice(period_of(now), final_before, after, _BATCH):
            for team, period in accounts:
                with self._alone(team):
                    async with self._transactions() as tx:
                        status = await self._bill(tx, team, period, now)
                    if status:
                        self._observe(status)
            found += len(accounts)
            team, period = accounts[-1]
            after = (period, team)
        return found

    async def fall_due(self) -> int:
        """Go once through the final invoices whose time is over; how many it was."""
        now, found = self._clock.now(), 0
        after: Due | None = None
        while late := await self._reads.due(now, after, _BATCH):
            for each in late:
                with self._alone(each.team):
                    await self._fall_due(each, now)
            found += len(late)
            after = late[-1]
        return found

    async def _fall_due(self, due: Due, now: datetime) -> None:
        async with self._transactions() as tx:
            await tx.accounts.hold(due.team, now)
            invoice = await tx.invoices.by_id(due.team, due.invoice_id)
            # It may have been paid, or be overdue by another replica, since it was read.
            late = invoice and fall_due(invoice, now)
            if late and late is not invoice:
                await tx.invoices.save(late)
                self._observe(late.status)

    @contextmanager
    def _alone(self, team: str) -> Iterator[None]:
        """What fails for one team is logged and tried again at the next call; the others go on."""
        try:
            yield
        except (Unavailable, Aborted) as error:
            log.warning("an invoice will be tried again", team=team, error=error.message)
        except Exception:
            log.exception("an invoice could not be made", team=team)
            self._observe("failed")

    async def _bill(self, tx: Transaction, team: str, period: Period, now: datetime) -> str:
        """The status of the invoice; empty when another replica was first or nothing was used."""
        account = await tx.accounts.find(team, period, await tx.accounts.hold(team, now))
        if account.closed:
            return ""
        final = self._grace.is_over(period, now)
        status = await self._invoice(tx, account, now, final=final)
        await tx.accounts.save(replace(account, drafted=True, closed=final))
        return status

    async def _invoice(self, tx: Transaction, account: Account, now: datetime, *, final: bool) -> str:
        contents = await tx.invoices.contents(account.team, account.period)
        if not contents:
            return ""
        plan = account.plan
        invoice = await tx.invoices.find(account.team, account.period)
        if invoice is None:
            invoice = draft(account.team, plan.id, account.period, contents, currency=plan.currency, now=now)
        else:
            invoice = redraft(invoice, plan.id, contents)
        if final:
            invoice = finalize(invoice, await tx.invoices.next_number(), now, due_in=self._due_in)
            tx.outbox.add(InvoiceGenerated(invoice))
        await tx.invoices.save(invoice)
        return invoice.status
