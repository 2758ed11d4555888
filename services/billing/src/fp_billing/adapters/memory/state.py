"""What is kept."""

from dataclasses import dataclass, field
from datetime import date, datetime

from fp_billing.domain.accounts import Account
from fp_billing.domain.invoices import Invoice, Line
from fp_billing.domain.meters import Meter
from fp_billing.domain.periods import Period, day_of
from fp_billing.domain.plans import DEFAULT_PLAN, RatePlan
from fp_billing.domain.usage import UsageRecord


@dataclass(slots=True)
class State:
    """teams: id of the plan a team is on. periods: by team and start. numbers: holds the last one under `last`."""

    plans: dict[str, RatePlan] = field(default_factory=lambda: {DEFAULT_PLAN.id: DEFAULT_PLAN})
    teams: dict[str, str] = field(default_factory=dict)
    periods: dict[tuple[str, datetime], Account] = field(default_factory=dict)
    usage: dict[tuple[str, str], UsageRecord] = field(default_factory=dict)
    invoices: dict[str, Invoice] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=lambda: {"last": 0})

    def plan_of(self, team: str) -> RatePlan:
        return self.plans[self.teams.get(team, DEFAULT_PLAN.id)]

    def used_between(self, team: str, start: date, end: date) -> list[UsageRecord]:
        return [
            record
            for record in self.usage.values()
            if record.team == team and start <= day_of(record.occurred_at) < end
        ]

    def used_in(self, team: str, period: Period) -> dict[Meter, int]:
        used: dict[Meter, int] = {}
        for record in self.used_between(team, day_of(period.start), day_of(period.end)):
            used[record.meter] = used.get(record.meter, 0) + record.quantity
        return used

    def lines(self, team: str, period: Period) -> list[Line]:
        sums: dict[tuple[Meter, str], tuple[int, int, int]] = {}
        for record in self.used_between(team, day_of(period.start), day_of(period.end)):
            quantity, billable, cost = sums.get((record.meter, record.plan_id), (0, 0, 0))
            sums[record.meter, record.plan_id] = (
                quantity + record.quantity,
                billable + record.billable,
                cost + record.cost.amount_micros,
            )
        return [
            Line(
                meter=meter,
                plan_id=plan_id,
                plan_name=self.plans[plan_id].name,
                quantity=quantity,
                billable=billable,
                price_micros=self.plans[plan_id].rates[meter].price_micros,
                amount_micros=cost,
            )
            for (meter, plan_id), (quantity, billable, cost) in sums.items()
        ]
