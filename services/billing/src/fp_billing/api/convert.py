"""Messages as domain values, and back."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta

from forgepoint.billing.v1 import billing_pb2 as pb
from fp_kernel import invalid, new_id
from fp_rpc.times import from_timestamp, to_timestamp
from google.protobuf.timestamp_pb2 import Timestamp

from fp_billing.app.ports import Granularity, MeterSum, Summary, Wanted
from fp_billing.domain.adjustments import Adjustment, NewAdjustment
from fp_billing.domain.invoices import Invoice, Line, Status
from fp_billing.domain.meters import Meter
from fp_billing.domain.periods import Period, period_of
from fp_billing.domain.plans import PREFIX, Limits, Money, NewPlan, RatePlan
from fp_billing.domain.reconciliation import Reconciliation
from fp_billing.domain.usage import Usage, UsageRecord

_METERS = {meter: pb.MeterType.Value(f"{PREFIX}{meter}") for meter in Meter}
_METER_OF: Mapping[int, Meter] = {number: meter for meter, number in _METERS.items()}
_STATUSES = {status: pb.InvoiceStatus.Value(f"INVOICE_STATUS_{status}") for status in Status}
_STATUS_OF: Mapping[int, Status] = {number: status for status, number in _STATUSES.items()}
_LAST_YEAR = 9_998
_GRANULARITY_OF = {
    pb.USAGE_GRANULARITY_UNSPECIFIED: Granularity.MONTH,
    pb.USAGE_GRANULARITY_MONTH: Granularity.MONTH,
    pb.USAGE_GRANULARITY_DAY: Granularity.DAY,
}


def meter_of(number: int, field: str) -> Meter:
    """Raises InvalidArgument naming `field`."""
    meter = _METER_OF.get(number)
    if meter is None:
        raise invalid(field, f"must be one of {', '.join(PREFIX + meter for meter in Meter)}")
    return meter


def usage_of(request: pb.RecordUsageRequest) -> Usage:
    """Without a source each call is a fact of its own. Raises InvalidArgument naming the field."""
    return Usage(
        meter=meter_of(request.meter_type, "meter_type"),
        quantity=request.quantity,
        source_id=request.source_request_id or new_id(),
        model_id=request.model_id,
        model_version=request.model_version,
        occurred_at=_moment(request.occurred_at, "occurred_at") if request.HasField("occurred_at") else None,
    )


def new_plan(request: pb.CreateRatePlanRequest) -> NewPlan:
    prices = {key: Money(price.amount_micros, price.currency_code) for key, price in request.unit_prices.items()}
    return NewPlan(
        request.name,
        prices,
        dict(request.included_quantities),
        dict(request.quota_limits),
        dict(request.per_units),
        Limits(request.predictions_per_second, request.predictions_in_flight),
    )


def wanted_usage(request: pb.GetUsageRequest, team: str, now: datetime) -> Wanted:
    """As `wanted_days`. Raises InvalidArgument naming the field."""
    start, end = wanted_days(request, now)
    granularity = _GRANULARITY_OF.get(request.granularity)
    if granularity is None:
        raise invalid("granularity", "must be MONTH or DAY")
    return Wanted(
        team=team,
        start=start,
        end=end,
        granularity=granularity,
        meter=meter_of(request.meter_type_filter, "meter_type_filter") if request.meter_type_filter else None,
    )


def wanted_days(request: pb.GetUsageRequest | pb.GetReconciliationRequest, now: datetime) -> tuple[date, date]:
    """The first day and the one behind the last; without a period the present month.

    Raises InvalidArgument naming the field.
    """
    present = period_of(now)
    start = _moment(request.period_start, "period_start") if request.HasField("period_start") else present.start
    end = _moment(request.period_end, "period_end") if request.HasField("period_end") else present.end
    if end <= start:
        raise invalid("period_end", "must be after period_start")
    return start.date(), _day_after(end)


def new_adjustment(request: pb.CreateAdjustmentRequest, team: str) -> NewAdjustment:
    """Raises InvalidArgument naming the field."""
    if not request.HasField("period_start"):
        raise invalid("period_start", "must name a moment of the month that is corrected")
    period = period_of(_moment(request.period_start, "period_start"))
    amount = Money(request.amount.amount_micros, request.amount.currency_code)
    return NewAdjustment(team, period, amount, request.reason)


def status_filter(number: int) -> Status | None:
    """None for any status. Raises InvalidArgument."""
    if number == pb.INVOICE_STATUS_UNSPECIFIED:
        return None
    status = _STATUS_OF.get(number)
    if status is None:
        raise invalid("status_filter", f"must be one of {', '.join(Status)}")
    return status


def plan_to_pb(plan: RatePlan) -> pb.RatePlan:
    names = {meter: f"{PREFIX}{meter}" for meter in plan.rates}
    return pb.RatePlan(
        id=plan.id,
        name=plan.name,
        unit_prices={names[meter]: money_to_pb(rate.price_micros, plan.currency) for meter, rate in plan.rates.items()},
        included_quantities={names[meter]: rate.included for meter, rate in plan.rates.items() if rate.included},
        quota_limits={names[meter]: rate.quota for meter, rate in plan.rates.items() if rate.quota},
        per_units={names[meter]: rate.per_units for meter, rate in plan.rates.items() if rate.per_units > 1},
        created_at=to_timestamp(plan.created_at),
        predictions_per_second=plan.limits.per_second,
        predictions_in_flight=plan.limits.in_flight,
    )


def record_to_pb(record: UsageRecord) -> pb.UsageRecord:
    return pb.UsageRecord(
        id=record.id,
        team=record.team,
        rate_plan_id=record.plan_id,
        meter_type=_METERS[record.meter],
        quantity=record.quantity,
        cost=money_to_pb(record.cost.amount_micros, record.cost.currency),
        model_id=record.model_id,
        model_version=record.model_version,
        source_request_id=record.source_id,
        occurred_at=to_timestamp(record.occurred_at),
    )


def summaries_to_pb(summaries: Sequence[Summary], wanted: Wanted) -> list[pb.UsageSummary]:
    return [_summary(summary, wanted) for summary in summaries]


def invoice_to_pb(invoice: Invoice) -> pb.Invoice:
    currency = invoice.total.currency
    message = pb.Invoice(
        id=invoice.id,
        invoice_number=invoice.label,
        team=invoice.team,
        rate_plan_id=invoice.plan_id,
        status=_STATUSES[invoice.status],
        period_start=to_timestamp(invoice.period.start),
        period_end=to_timestamp(invoice.period.end),
        line_items=[*(_line(line, currency) for line in invoice.lines), *map(_entry, invoice.adjustments)],
        total=money_to_pb(invoice.total.amount_micros, currency),
        created_at=to_timestamp(invoice.created_at),
        note=invoice.note,
    )
    if invoice.finalized_at is not None:
        message.finalized_at.FromDatetime(invoice.finalized_at)
    if invoice.due_at is not None:
        message.due_at.FromDatetime(invoice.due_at)
    if invoice.settled_at is not None:
        message.settled_at.FromDatetime(invoice.settled_at)
    return message


def adjustment_to_pb(adjustment: Adjustment) -> pb.Adjustment:
    return pb.Adjustment(
        id=adjustment.id,
        team=adjustment.team,
        period_start=to_timestamp(adjustment.period.start),
        invoiced_period_start=to_timestamp(adjustment.invoiced_in.start),
        amount=money_to_pb(adjustment.amount.amount_micros, adjustment.amount.currency),
        reason=adjustment.reason,
        created_by=adjustment.created_by,
        created_at=to_timestamp(adjustment.created_at),
    )


def reconciliation_to_pb(found: Reconciliation) -> pb.ReconciliationEntry:
    return pb.ReconciliationEntry(
        team=found.team,
        day=to_timestamp(_midnight(found.day)),
        meter_type=_METERS[found.meter],
        recorded=found.recorded,
        billed=found.billed,
        repeated=found.repeated,
        difference=found.difference,
        unrecorded=found.unrecorded,
        settled=found.settled,
    )


def money_to_pb(amount_micros: int, currency: str) -> pb.Money:
    return pb.Money(amount_micros=amount_micros, currency_code=currency)


def _summary(summary: Summary, wanted: Wanted) -> pb.UsageSummary:
    """The month or day, cut to what was asked for."""
    first = _midnight(summary.start)
    last = first + timedelta(days=1) if wanted.granularity is Granularity.DAY else Period(first).end
    return pb.UsageSummary(
        team=wanted.team,
        period_start=to_timestamp(max(first, _midnight(wanted.start))),
        period_end=to_timestamp(min(last, _midnight(wanted.end))),
        by_meter=_by_meter(summary.meters, summary.currency),
        total_cost=money_to_pb(sum(each.cost_micros for each in summary.meters.values()), summary.currency),
    )


def _by_meter(meters: Mapping[Meter, MeterSum], currency: str) -> dict[str, pb.MeterUsage]:
    return {
        f"{PREFIX}{meter}": pb.MeterUsage(
            meter_type=_METERS[meter],
            total_quantity=each.quantity,
            total_cost=money_to_pb(each.cost_micros, currency),
        )
        for meter, each in meters.items()
    }


def _line(line: Line, currency: str) -> pb.InvoiceLineItem:
    return pb.InvoiceLineItem(
        meter_type=_METERS[line.meter],
        description=line.description,
        quantity=line.quantity,
        unit_price=money_to_pb(line.price_micros, currency),
        amount=money_to_pb(line.amount_micros, currency),
        billable_quantity=line.billable,
        rate_plan_id=line.plan_id,
        per_units=line.per_units,
    )


def _entry(adjustment: Adjustment) -> pb.InvoiceLineItem:
    return pb.InvoiceLineItem(
        description=adjustment.description,
        amount=money_to_pb(adjustment.amount.amount_micros, adjustment.amount.currency),
        adjustment_id=adjustment.id,
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _day_after(end: datetime) -> date:
    """The first day that is not asked for any more: a day that has begun is a whole one."""
    return end.date() if end.time() == time() else end.date() + timedelta(days=1)


def _moment(message: Timestamp, field: str) -> datetime:
    moment = from_timestamp(message, field)
    if moment.year > _LAST_YEAR:
        raise invalid(field, f"must be a time of the years 1 to {_LAST_YEAR}")
    return moment
