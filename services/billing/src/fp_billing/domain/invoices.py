"""Invoices: the amount that a team owes for a period."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from fp_kernel import FailedPrecondition, new_id

from fp_billing.domain.adjustments import Adjustment
from fp_billing.domain.meters import Meter
from fp_billing.domain.periods import Period
from fp_billing.domain.plans import Money


class Status(StrEnum):
    """DRAFT -> FINALIZED -> PAID or VOID; a final one that nobody pays in time is OVERDUE until then."""

    DRAFT = "DRAFT"
    FINALIZED = "FINALIZED"
    PAID = "PAID"
    OVERDUE = "OVERDUE"
    VOID = "VOID"


# Somebody still has to pay it.
OPEN = (Status.FINALIZED, Status.OVERDUE)


@dataclass(frozen=True, slots=True)
class Line:
    """One meter at one plan's price: what its records cost together.

    amount = price * billable / per_units, whole micros; in a month with two plans less than one micro beside it.
    """

    meter: Meter
    plan_id: str
    plan_name: str
    quantity: int
    billable: int
    price_micros: int
    amount_micros: int
    per_units: int = 1

    @property
    def description(self) -> str:
        free = self.quantity - self.billable
        return (
            f"{self.meter.replace('_', ' ').lower()}, plan {self.plan_name}: {self.quantity} units, {free} of them free"
        )


@dataclass(frozen=True, slots=True)
class Invoice:
    """number: 0 while it is a draft; then its place in the one sequence of all invoices.

    lines: what was used. adjustments: corrections, each a line of its own.
    settled_at, settled_by: when it was paid or made void, and who said so. note: the payment, or why it is void.
    """

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
    settled_at: datetime | None = None
    settled_by: str = ""
    note: str = ""
    adjustments: tuple[Adjustment, ...] = ()

    @property
    def label(self) -> str:
        """How people call it; empty for a draft."""
        return f"INV-{self.number:08d}" if self.number else ""


@dataclass(frozen=True, slots=True)
class Contents:
    """What an invoice of a period holds: what was used in it, and the corrections that stand on it."""

    lines: Sequence[Line]
    adjustments: Sequence[Adjustment] = ()

    def __bool__(self) -> bool:
        return bool(self.lines or self.adjustments)


def draft(team: str, plan_id: str, period: Period, contents: Contents, *, currency: str, now: datetime) -> Invoice:
    """A total below 0 is what the team gets back."""
    invoice = Invoice(
        id=new_id(),
        team=team,
        plan_id=plan_id,
        period=period,
        status=Status.DRAFT,
        lines=(),
        total=Money(0, currency),
        created_at=now,
    )
    return redraft(invoice, plan_id, contents)


def redraft(invoice: Invoice, plan_id: str, contents: Contents) -> Invoice:
    """The draft with what came in since; itself when nothing came."""
    lines = _in_order(contents.lines)
    adjustments = tuple(sorted(contents.adjustments, key=lambda each: each.id))
    total = sum(line.amount_micros for line in lines) + sum(each.amount.amount_micros for each in adjustments)
    return replace(
        invoice,
        plan_id=plan_id,
        lines=lines,
        adjustments=adjustments,
        total=Money(total, invoice.total.currency),
    )


def finalize(invoice: Invoice, number: int, now: datetime, *, due_in: timedelta) -> Invoice:
    """The invoice whose lines and total never change again. number: the next of the sequence."""
    return replace(invoice, status=Status.FINALIZED, number=number, finalized_at=now, due_at=now + due_in)


def fall_due(invoice: Invoice, now: datetime) -> Invoice:
    """Overdue, when it is final and its time is over; else as it is."""
    late = invoice.status is Status.FINALIZED and invoice.due_at is not None and invoice.due_at <= now
    return replace(invoice, status=Status.OVERDUE) if late else invoice


def settle(invoice: Invoice, status: Status, *, note: str, by: str, now: datetime) -> Invoice:
    """Paid or void, for ever. Raises FailedPrecondition for a draft and for what was settled already."""
    if invoice.status not in OPEN:
        raise FailedPrecondition(
            f"the invoice is {invoice.status}; only one that is {' or '.join(OPEN)} can be {status}",
            reason="INVOICE_NOT_OPEN",
        )
    return replace(invoice, status=status, note=note, settled_by=by, settled_at=now)


def _in_order(lines: Iterable[Line]) -> tuple[Line, ...]:
    return tuple(sorted(lines, key=lambda line: (list(Meter).index(line.meter), line.plan_id)))
