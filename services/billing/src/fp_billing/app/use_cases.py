"""Every command of billing."""

from dataclasses import dataclass
from datetime import timedelta

from fp_kernel import Clock

from fp_billing.app.assign_rate_plan import AssignRatePlan
from fp_billing.app.create_adjustment import CreateAdjustment
from fp_billing.app.create_rate_plan import CreateRatePlan
from fp_billing.app.ports import Reads, Transactions
from fp_billing.app.record_usage import RecordEvents, RecordUsage
from fp_billing.app.settle_invoice import SettleInvoice
from fp_billing.domain.periods import Grace


@dataclass(frozen=True, slots=True)
class UseCases:
    record_usage: RecordUsage
    record_events: RecordEvents
    create_rate_plan: CreateRatePlan
    assign_rate_plan: AssignRatePlan
    settle_invoice: SettleInvoice
    create_adjustment: CreateAdjustment


def build(transactions: Transactions, reads: Reads, *, clock: Clock, grace: Grace, due_in: timedelta) -> UseCases:
    return UseCases(
        record_usage=RecordUsage(transactions, clock, grace),
        record_events=RecordEvents(transactions, clock, grace),
        create_rate_plan=CreateRatePlan(transactions, clock),
        assign_rate_plan=AssignRatePlan(transactions, clock),
        settle_invoice=SettleInvoice(transactions, reads, clock, due_in),
        create_adjustment=CreateAdjustment(transactions, clock),
    )
