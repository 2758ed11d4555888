"""forgepoint.billing.v1.BillingService."""

from fp_kernel import Clock

from fp_billing.api.commands import CommandServicer
from fp_billing.api.queries import QueryServicer
from fp_billing.app.queries import Queries
from fp_billing.app.use_cases import UseCases


class BillingServicer(CommandServicer, QueryServicer):
    def __init__(self, use_cases: UseCases, queries: Queries, clock: Clock) -> None:
        CommandServicer.__init__(self, use_cases)
        QueryServicer.__init__(self, queries, clock)
