"""What a team owes for a period."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from fp_kernel import new_id

from fp_billing.domain.meters import Meter
from fp_billing.domain.periods import Period
from fp_billing.domain.plans import Money


class Status(StrEnum):
    DRAFT = "DRAFT"
    FINALIZED = "FINALIZED"
    PAID = "PAID"
    OVERDUE = "OVERDUE"
    VOID = "VOID"


@dataclass(frozen=True, slots=True)
class Line:
    """One meter at one plan's price: amount = price * billable."""

    meter: Meter
    plan_id: str
    plan_name: str
    quantity: int
    billable: int
    price_micros: int
    amount_micros: int

    @property
    def description(self) -> str:
        free = self.quantity - self.billable
        return (
            f"{self.meter.replace('_', ' ').lower()}, plan {self.plan_name}: {self.quantity} units, {free} of them free"
        )


@dataclass(frozen=True, slots=True)
class Invoice:
    """number: 0 while it is a draft; then its place in the one sequence of all invoices."""

    id: str
    team: str
    plan_id: str
    period: Period
    status: Status
    lines: tuple[Line, ...]
    total: Money
    created_at: datetime
    number: int = 0
    finalized_at: datetime | None = None
    due_at: datetime | None = None

    @property
    def label(self) -> str:
        """How people call it; empty for a draft."""
        return f"INV-{self.number:08d}" if self.number else ""


def draft(team: str, plan_id: str, period: Period, lines: Iterable[Line], *, currency: str, now: datetime) -> Invoice:
    ordered = _in_order(lines)
    return Invoice(
        id=new_id(),
        team=team,
        plan_id=plan_id,
        period=period,
        status=Status.DRAFT,
        lines=ordered,
        total=_total(ordered, currency),
        created_at=now,
    )


def redraft(invoice: Invoice, plan_id: str, lines: Iterable[Line]) -> Invoice:
    """The draft with what came in since; itself when nothing came."""
    ordered = _in_order(lines)
    return replace(invoice, plan_id=plan_id, lines=ordered, total=_total(ordered, invoice.total.currency))


def finalize(invoice: Invoice, number: int, now: datetime, *, due_in: timedelta) -> Invoice:
    """The invoice that never changes again. number: the next of the sequence."""
    return replace(invoice, status=Status.FINALIZED, number=number, finalized_at=now, due_at=now + due_in)


def _in_order(lines: Iterable[Line]) -> tuple[Line, ...]:
    return tuple(sorted(lines, key=lambda line: (list(Meter).index(line.meter), line.plan_id)))


def _total(lines: Iterable[Line], currency: str) -> Money:
    return Money(sum(line.amount_micros for line in lines), currency)
