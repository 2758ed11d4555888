"""Settings of billing."""

from datetime import timedelta
from typing import Annotated

from fp_runtime import Address, EventSettings, PostgresSettings, ServiceSettings
from pydantic import Field

from fp_billing.domain.periods import Grace


class Settings(ServiceSettings, PostgresSettings, EventSettings):
    """auth_addr: host:port of auth, for API keys and this service's own token.

    billing_grace_hours: how long after its end a month still takes what happened in it; not shorter than events of
    predictions may wait on the bus (72 h), and invoices are final after it.
    billing_due_days: from a final invoice to the day it is due.
    billing_invoice_seconds: between two looks for months that have ended; an index answers in under a millisecond.
    billing_tell_seconds: between two events of the usage of a model, however many predictions it had.
    billing_fact_days: for how long a fact is stored at least; it is metered once while its row is there. Longer than an
    event may come again (90 days, as a dead letter). Usage and cost by day, and invoices, are stored for ever.
    billing_reconcile_seconds: between two comparisons of what inference recorded with what was billed.
    billing_reconciliation_days: for how long the comparison of a day is stored.
    billing_linger: seconds for which a batch of events gathers; usage is that much late, and there are not more
    transactions in that time, however many predictions.
    """

    auth_addr: Address
    billing_grace_hours: Annotated[float, Field(ge=0, le=24 * 28)] = 72.0
    billing_due_days: Annotated[float, Field(ge=0, le=365)] = 30.0
    billing_invoice_seconds: Annotated[float, Field(gt=0, le=86_400)] = 60.0
    billing_tell_seconds: Annotated[float, Field(gt=0, le=3_600)] = 60.0
    billing_fact_days: Annotated[float, Field(ge=91, le=36_500)] = 100.0
    billing_reconcile_seconds: Annotated[float, Field(gt=0, le=86_400)] = 300.0
    billing_reconciliation_days: Annotated[float, Field(ge=35, le=36_500)] = 400.0
    billing_linger: Annotated[float, Field(ge=0, le=5)] = 0.25

    @property
    def grace(self) -> Grace:
        return Grace(timedelta(hours=self.billing_grace_hours))

    @property
    def due_in(self) -> timedelta:
        return timedelta(days=self.billing_due_days)

    @property
    def reconciliation_retained(self) -> timedelta:
        return timedelta(days=self.billing_reconciliation_days)

    @property
    def facts_retained(self) -> timedelta:
        return timedelta(days=self.billing_fact_days)
