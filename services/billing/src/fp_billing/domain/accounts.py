"""The usage of a team in a period, and how it grows."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from fp_kernel import FailedPrecondition, new_id

from fp_billing.domain.events import QuotaExceeded
from fp_billing.domain.meters import Meter
from fp_billing.domain.periods import Period
from fp_billing.domain.plans import Money, RatePlan
from fp_billing.domain.pricing import price
from fp_billing.domain.quotas import Quota
from fp_billing.domain.usage import Usage, UsageRecord


@dataclass(frozen=True, slots=True)
class Assignment:
    """Of a plan to a team. revision: grows with each; 0 while there was none. by: who made the last one."""

    revision: int = 0
    by: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """A team in a period.

    used: units by meter, free ones too. reported: meters whose exceeded quota was published.
    drafted: its draft invoice has everything that was recorded.
    closed: its invoice is final, it takes nothing more.
    adjusted: a correction stands on its invoice.
    """

    team: str
    period: Period
    plan: RatePlan
    used: Mapping[Meter, int]
    reported: frozenset[Meter] = frozenset()
    drafted: bool = False
    closed: bool = False
    adjusted: bool = False

    def quota(self, meter: Meter) -> Quota:
        return Quota(meter, self.plan.rates[meter].quota, self.used.get(meter, 0))


@dataclass(frozen=True, slots=True)
class Recorded:
    """exceeded: set by the one record that crosses the quota."""

    account: Account
    record: UsageRecord
    exceeded: QuotaExceeded | None = None


def record(account: Account, usage: Usage, at: datetime) -> Recorded:
    """Price and count one fact. at: the moment of the account's period at which it counts.

    QuotaExceeded is published once a period: by the first record after which it is exceeded.
    Raises OutOfRange when the period cannot count it.
    """
    prior = account.used.get(usage.meter, 0)
    charge = price(account.plan.rates[usage.meter], prior, usage.quantity)
    account = replace(account, used={**account.used, usage.meter: prior + usage.quantity}, drafted=False)
    entry = UsageRecord(
        id=new_id(),
        team=account.team,
        plan_id=account.plan.id,
        meter=usage.meter,
        quantity=usage.quantity,
        billable=charge.billable,
        cost=Money(charge.cost_micros, account.plan.currency),
        source_id=usage.source_id,
        model_id=usage.model_id,
        model_version=usage.model_version,
        occurred_at=at,
        correlation_id=usage.correlation_id,
        trace=usage.trace,
    )
    quota = account.quota(usage.meter)
    if not quota.exceeded or usage.meter in account.reported:
        return Recorded(account, entry)
    account = replace(account, reported=account.reported | {usage.meter})
    return Recorded(account, entry, QuotaExceeded(account.team, account.plan.id, quota, entry))


def change_plan(account: Account, plan: RatePlan) -> Account:
    """The account on another plan: what is recorded stays as it was priced, what comes is priced by the new one.

    A quota that the new plan does not see exceeded is published again when it is.
    Raises FailedPrecondition when the period was used or corrected in another currency: no invoice could sum it.
    """
    if (account.used or account.adjusted) and plan.currency != account.plan.currency:
        raise FailedPrecondition(
            f"this period is metered in {account.plan.currency}; a plan in {plan.currency} can follow in the next one",
            reason="CURRENCY_DIFFERS",
            metadata={"currency": account.plan.currency},
        )
    changed = replace(account, plan=plan)
    return replace(changed, reported=frozenset(meter for meter in account.reported if changed.quota(meter).exceeded))
