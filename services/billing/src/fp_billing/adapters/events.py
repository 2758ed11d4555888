"""Domain events as messages of the bus."""

import json

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
    """Quotas and invoices have the team as their resource, and come in the order in which they were counted. Sums of
    usage have another one: events of a resource wait for each other, and a stream of usage that is full must hold up
    no quota.
    """
    match event:
        case UsageRecorded():
            return _recorded(event)
        case QuotaExceeded():
            return _exceeded(event)
        case InvoiceGenerated():
            return _generated(event)


def _recorded(event: UsageRecorded) -> Event:
    total = event.total
    payload = events_pb2.UsageRecorded(
        record_id=total.id,
        team=total.team,
        rate_plan_id=total.plan_id,
        meter_type=_METERS[total.meter],
        quantity=total.quantity,
        cost_micros=total.cost.amount_micros,
        currency_code=total.cost.currency,
        model_id=total.model_id,
        model_version=total.model_version,
        facts=total.facts,
    )
    payload.occurred_at.FromDatetime(total.last_at)
    payload.first_at.FromDatetime(total.first_at)
    payload.last_at.FromDatetime(total.last_at)
    return Event(
        USAGE_RECORDED,
        payload,
        team=total.team,
        resource_id=json.dumps(["usage", total.team]),
        summary=f"{total.quantity} of {_name(total.meter)} were metered.",
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
