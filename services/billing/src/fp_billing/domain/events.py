"""Events of billing, as domain values."""

from dataclasses import dataclass

from fp_billing.domain.invoices import Invoice
from fp_billing.domain.quotas import Quota
from fp_billing.domain.sums import UsageSum
from fp_billing.domain.usage import UsageRecord


@dataclass(frozen=True, slots=True)
class UsageRecorded:
    """What was metered since the last one of these facts."""

    total: UsageSum


@dataclass(frozen=True, slots=True)
class QuotaExceeded:
    """record: the one that crossed it."""

    team: str
    plan_id: str
    quota: Quota
    record: UsageRecord


@dataclass(frozen=True, slots=True)
class InvoiceGenerated:
    """An invoice was finalised."""

    invoice: Invoice


DomainEvent = UsageRecorded | QuotaExceeded | InvoiceGenerated
