"""Reads of billing."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from fp_kernel import Clock, PageRequest

from fp_billing.app.ports import Reads, Summary, Wanted
from fp_billing.app.refusals import no_invoice, no_plan
from fp_billing.domain.adjustments import Adjustment
from fp_billing.domain.invoices import Invoice, Status
from fp_billing.domain.meters import Meter
from fp_billing.domain.periods import period_of
from fp_billing.domain.plans import Money, RatePlan
from fp_billing.domain.quotas import Quota
from fp_billing.domain.reconciliation import Reconciliation


@dataclass(frozen=True, slots=True)
class UsagePage:
    """total: of all that was asked for, not of the page; None when it is in several currencies.

    after: position of the last summary when there are more, else empty.
    """

    summaries: Sequence[Summary]
    total: Money | None
    after: str


class Queries:
    def __init__(self, reads: Reads, clock: Clock) -> None:
        self._reads = reads
        self._clock = clock

    async def plan(self, plan_id: str) -> RatePlan:
        """Raises NotFound."""
        found = await self._reads.plan(plan_id)
        if found is None:
            raise no_plan()
        return found

    async def plan_named(self, name: str) -> RatePlan:
        """Raises NotFound."""
        found = await self._reads.plan_named(unicodedata.normalize("NFC", name))
        if found is None:
            raise no_plan()
        return found

    async def plans(self, page: PageRequest) -> tuple[Sequence[RatePlan], str]:
        return await self._reads.plans(page)

    async def quota(self, team: str, meter: Meter) -> tuple[RatePlan, Quota, int]:
        """Of the present period, with the revision of the plan's assignment."""
        return await self._reads.quota(team, meter, period_of(self._clock.now()))

    async def usage(self, wanted: Wanted, page: PageRequest) -> UsagePage:
        summaries, after = await self._reads.usage(wanted, page)
        costs = await self._reads.costs(wanted)
        if len(costs) > 1:
            return UsagePage(summaries, None, after)
        total = costs[0] if costs else Money(0, (await self._reads.plan_of(wanted.team)).currency)
        return UsagePage(summaries, total, after)

    async def invoice(self, invoice_id: str, team: str) -> Invoice:
        """team: empty is any. Raises NotFound."""
        found = await self._reads.invoice(invoice_id, team)
        if found is None:
            raise no_invoice()
        return found

    async def adjustments(self, team: str, page: PageRequest) -> tuple[Sequence[Adjustment], str]:
        return await self._reads.adjustments(team, page)

    async def reconciliation(
        self, team: str, start: date, end: date, page: PageRequest, *, unsettled_only: bool
    ) -> tuple[Sequence[Reconciliation], str]:
        return await self._reads.reconciliation(team, start, end, page, unsettled_only=unsettled_only)

    async def invoices(self, team: str, status: Status | None, page: PageRequest) -> tuple[Sequence[Invoice], str]:
        return await self._reads.invoices(team, status, page)
