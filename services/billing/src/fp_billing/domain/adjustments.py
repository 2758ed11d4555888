"""Corrections of what a team owes: entries beside what was metered, which they never change."""

from dataclasses import dataclass
from datetime import datetime

from fp_kernel import FailedPrecondition, invalid, new_id
from fp_kernel.texts import check_line

from fp_billing.domain.periods import Period, period_of
from fp_billing.domain.plans import Money

MAX_REASON = 256
# A billion units of a currency: more is a mistake of units.
MAX_AMOUNT_MICROS = 10**15


@dataclass(frozen=True, slots=True)
class NewAdjustment:
    """What a caller asks for; see `check_adjustment`. period: the month that is corrected."""

    team: str
    period: Period
    amount: Money
    reason: str


@dataclass(frozen=True, slots=True)
class Adjustment:
    """period: the month that is corrected. invoiced_in: the one on whose invoice it stands.

    amount: negative is a credit.
    """

    id: str
    team: str
    period: Period
    invoiced_in: Period
    amount: Money
    reason: str
    created_by: str
    created_at: datetime

    @property
    def description(self) -> str:
        return f"adjustment of {self.period.start:%Y-%m}: {self.reason}"


def check_adjustment(new: NewAdjustment, now: datetime) -> None:
    """Raises InvalidArgument naming the field of the request."""
    if new.period > period_of(now):
        raise invalid("period_start", "must not be in the future")
    if not 0 < abs(new.amount.amount_micros) <= MAX_AMOUNT_MICROS:
        raise invalid("amount", f"must be 1 to {MAX_AMOUNT_MICROS} micros, or that much below 0")
    check_line(new.reason, "reason", MAX_REASON, required=True)


def adjust(new: NewAdjustment, invoiced_in: Period, currency: str, *, by: str, now: datetime) -> Adjustment:
    """The entry, on the invoice of the period `invoiced_in`, which is in `currency`.

    Raises FailedPrecondition when the entry is in another one: the invoice could not sum it.
    """
    if new.amount.currency != currency:
        raise FailedPrecondition(
            f"the invoice is in {currency}", reason="CURRENCY_DIFFERS", metadata={"currency": currency}
        )
    return Adjustment(new_id(), new.team, new.period, invoiced_in, new.amount, new.reason, by, now)
