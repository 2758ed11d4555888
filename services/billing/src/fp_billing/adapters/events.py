"""Domain events as messages of the bus."""

from forgepoint.events.v1 import events_pb2
from fp_events import Event, Severity

from fp_billing.domain.events import DomainEvent, InvoiceGenerated, QuotaExceeded, UsageRecorded
from fp_billing.domain.meters import Meter
from fp_billing.domain.plans import PREFIX

USAGE_RECORDED = "fp.billing.usage.recorded"
QUOTA_EXCEEDED = "fp.billing.quota.exceeded"
INVOICE_GENERATED = "fp.billing.invoice.generated"

_METERS = {meter: events_pb2.MeterType.Value(f"{PREFIX}{meter}") for meter in Meter}


def to_event(event: DomainEvent) -> Event:
    """The resource of every one is the team: its events come in the order in which they were counted."""
    match event:
        case UsageRecorded():
            return _recorded(event)
        case QuotaExceeded():
            return _exceeded(event)
        case InvoiceGenerated():
            return _generated(event)


def _recorded(event: UsageRecorded) -> Event:
    record = event.record
    payload = events_pb2.UsageRecorded(
        record_id=record.id,
        team=record.team,
        rate_plan_id=record.plan_id,
        meter_type=_METERS[record.meter],
        quantity=record.quantity,
        cost_micros=record.cost.amount_micros,
        currency_code=record.cost.currency,
        model_id=record.model_id,
        model_version=record.model_version,
        source_request_id=record.source_id,
    )
    payload.occurred_at.FromDatetime(record.occurred_at)
    return Event(
        USAGE_RECORDED,
        payload,
        team=record.team,
        resource_id=record.team,
        summary=f"{record.quantity} of {_name(record.meter)} were metered.",
        correlation_id=record.correlation_id,
        trace=record.trace,
    )


def _exceeded(event: QuotaExceeded) -> Event:
    quota, record = event.quota, event.record
    payload = events_pb2.QuotaExceeded(
        team=event.team,
        rate_plan_id=event.plan_id,
        meter_type=_METERS[quota.meter],
        quota_limit=quota.limit,
        current_usage=quota.used,
    )
    payload.occurred_at.FromDatetime(record.occurred_at)
    return Event(
        QUOTA_EXCEEDED,
        payload,
        team=event.team,
        resource_id=event.team,
        summary=f"The quota of {quota.limit} {_name(quota.meter)} is exceeded.",
        severity=Severity.WARNING,
        correlation_id=record.correlation_id,
        trace=record.trace,
    )


def _generated(event: InvoiceGenerated) -> Event:
    invoice = event.invoice
    payload = events_pb2.InvoiceGenerated(
        invoice_id=invoice.id,
        invoice_number=invoice.label,
        team=invoice.team,
        rate_plan_id=invoice.plan_id,
        total_micros=invoice.total.amount_micros,
        currency_code=invoice.total.currency,
    )
    payload.period_start.FromDatetime(invoice.period.start)
    payload.period_end.FromDatetime(invoice.period.end)
    if invoice.finalized_at is not None:
        payload.finalized_at.FromDatetime(invoice.finalized_at)
    return Event(
        INVOICE_GENERATED,
        payload,
        team=invoice.team,
        resource_id=invoice.team,
        summary=f"Invoice {invoice.label} for {invoice.period.start:%Y-%m} is final.",
    )


def _name(meter: Meter) -> str:
    return meter.replace("_", " ").lower()
