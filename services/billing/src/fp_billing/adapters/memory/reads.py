"""Reads in memory."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from fp_kernel import PageRequest

from fp_billing.adapters.memory.state import State
from fp_billing.app.ports import Granularity, MeterSum, Summary, Wanted
from fp_billing.domain.invoices import Invoice, Status
from fp_billing.domain.meters import Meter
from fp_billing.domain.periods import Period, day_of
from fp_billing.domain.plans import Money, RatePlan
from fp_billing.domain.quotas import Quota
from fp_billing.domain.usage import UsageRecord

if TYPE_CHECKING:
    from datetime import date


class MemoryReads:
    """`app.ports.Reads`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def plan(self, plan_id: str) -> RatePlan | None:
        return self._state.plans.get(plan_id)

    async def plans(self, page: PageRequest) -> tuple[Sequence[RatePlan], str]:
        found = sorted(self._state.plans.values(), key=lambda plan: plan.id, reverse=True)
        found = [plan for plan in found if page.after is None or plan.id < page.after[0]]
        shown = found[: page.size]
        return shown, shown[-1].id if len(found) > page.size else ""

    async def plan_of(self, team: str) -> RatePlan:
        return self._state.plan_of(team)

    async def quota(self, team: str, meter: Meter, period: Period) -> tuple[RatePlan, Quota]:
        account = self._state.periods.get((team, period.start))
        plan = account.plan if account else self._state.plan_of(team)
        return plan, Quota(meter, plan.rates[meter].quota, self._state.used_in(team, period).get(meter, 0))

    async def usage(self, wanted: Wanted, page: PageRequest) -> tuple[Sequence[Summary], str]:
        sums: dict[tuple[date, str], dict[Meter, MeterSum]] = {}
        for record in self._wanted(wanted):
            day = day_of(record.occurred_at)
            start = day.replace(day=1) if wanted.granularity is Granularity.MONTH else day
            meters = sums.setdefault((start, record.cost.currency), {})
            before = meters.get(record.meter, MeterSum(0, 0))
            meters[record.meter] = MeterSum(
                before.quantity + record.quantity, before.cost_micros + record.cost.amount_micros
            )
        found = [
            Summary(start, currency, meters)
            for (start, currency), meters in sorted(sums.items(), key=lambda item: item[0], reverse=True)
            if page.after is None or start.isoformat() < page.after[0]
        ]
        shown = found[: page.size]
        return shown, shown[-1].start.isoformat() if len(found) > page.size else ""

    async def costs(self, wanted: Wanted) -> Sequence[Money]:
        costs: dict[str, int] = {}
        for record in self._wanted(wanted):
            costs[record.cost.currency] = costs.get(record.cost.currency, 0) + record.cost.amount_micros
        return [Money(cost, currency) for currency, cost in costs.items()]

    async def invoice(self, invoice_id: str, team: str) -> Invoice | None:
        found = self._state.invoices.get(invoice_id)
        return found if found and team in ("", found.team) else None

    async def invoices(self, team: str, status: Status | None, page: PageRequest) -> tuple[Sequence[Invoice], str]:
        found = [
            invoice
            for invoice in sorted(self._state.invoices.values(), key=lambda each: each.id, reverse=True)
            if invoice.team == team
            and status in (None, invoice.status)
            and (page.after is None or invoice.id < page.after[0])
        ]
        shown = found[: page.size]
        return shown, shown[-1].id if len(found) > page.size else ""

    async def to_invoice(self, before: Period, final_before: Period, limit: int) -> Sequence[tuple[str, Period]]:
        open_ones = [
            (account.period, account.team)
            for account in self._state.periods.values()
            if not account.closed and account.period < before and (not account.drafted or account.period < final_before)
        ]
        return [(team, period) for period, team in sorted(open_ones)[:limit]]

    async def due(self, now: datetime, limit: int) -> Sequence[tuple[str, Period]]:
        late = [
            (invoice.due_at, invoice)
            for invoice in self._state.invoices.values()
            if invoice.status is Status.FINALIZED and invoice.due_at is not None and invoice.due_at <= now
        ]
        late.sort(key=lambda each: each[0])
        return [(invoice.team, invoice.period) for _, invoice in late[:limit]]

    def _wanted(self, wanted: Wanted) -> list[UsageRecord]:
        found = self._state.used_between(wanted.team, wanted.start, wanted.end)
        return [record for record in found if wanted.meter in (None, record.meter)]
