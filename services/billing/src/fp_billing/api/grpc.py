"""forgepoint.billing.v1.BillingService: the RPCs that read; those that change something are in `commands`."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import grpc
from forgepoint.billing.v1 import billing_pb2 as pb
from forgepoint.common.v1 import common_pb2
from fp_kernel import Clock, PageRequest, invalid, page_request, parse_id
from fp_rpc.pagination import page_response_after

from fp_billing.api import convert
from fp_billing.api.commands import CommandServicer
from fp_billing.api.team_scope import any_team_or_own, readable_team
from fp_billing.app.assign_rate_plan import AssignRatePlan
from fp_billing.app.create_adjustment import CreateAdjustment
from fp_billing.app.create_rate_plan import CreateRatePlan
from fp_billing.app.queries import Queries
from fp_billing.app.record_usage import RecordUsage
from fp_billing.app.settle_invoice import SettleInvoice

Context = grpc.aio.ServicerContext[Any, Any]
_TOKEN = "pagination.page_token"  # noqa: S105 -- the name of a field


class BillingServicer(CommandServicer):
    def __init__(
        self,
        *,
        record_usage: RecordUsage,
        create_rate_plan: CreateRatePlan,
        assign_rate_plan: AssignRatePlan,
        settle_invoice: SettleInvoice,
        create_adjustment: CreateAdjustment,
        queries: Queries,
        clock: Clock,
    ) -> None:
        super().__init__(
            record_usage=record_usage,
            create_rate_plan=create_rate_plan,
            assign_rate_plan=assign_rate_plan,
            settle_invoice=settle_invoice,
            create_adjustment=create_adjustment,
        )
        self._read = queries
        self._clock = clock

    async def GetRatePlan(self, request: pb.GetRatePlanRequest, context: Context) -> pb.GetRatePlanResponse:
        if request.name and request.rate_plan_id:
            raise invalid("name", "give an id or a name, not both")
        if request.name:
            plan = await self._read.plan_named(request.name)
        else:
            plan = await self._read.plan(parse_id(request.rate_plan_id, "rate_plan_id"))
        return pb.GetRatePlanResponse(rate_plan=convert.plan_to_pb(plan))

    async def ListRatePlans(self, request: pb.ListRatePlansRequest, context: Context) -> pb.ListRatePlansResponse:
        scope = ("plans",)
        plans, after = await self._read.plans(_page_by_id(request.pagination, scope))
        return pb.ListRatePlansResponse(
            rate_plans=map(convert.plan_to_pb, plans), pagination=page_response_after(after, scope)
        )

    async def CheckQuota(self, request: pb.CheckQuotaRequest, context: Context) -> pb.CheckQuotaResponse:
        meter = convert.meter_of(request.meter_type, "meter_type")
        team = readable_team(request.team)
        plan, quota, revision = await self._read.quota(team, meter)
        return pb.CheckQuotaResponse(
            team=team,
            rate_plan_id=plan.id,
            meter_type=request.meter_type,
            quota_limit=quota.limit,
            current_usage=quota.used,
            remaining=quota.remaining,
            exceeded=quota.exceeded,
            assignment_revision=revision,
            predictions_per_second=plan.limits.per_second,
            predictions_in_flight=plan.limits.in_flight,
        )

    async def GetUsage(self, request: pb.GetUsageRequest, context: Context) -> pb.GetUsageResponse:
        wanted = convert.wanted_usage(request, readable_team(request.team), self._clock.now())
        scope = (
            wanted.team,
            "usage",
            str(wanted.start),
            str(wanted.end),
            wanted.granularity,
            wanted.meter or "",
        )
        found = await self._read.usage(wanted, _page_by_day(request.pagination, scope))
        return pb.GetUsageResponse(
            summaries=convert.summaries_to_pb(found.summaries, wanted),
            grand_total=convert.money_to_pb(found.total.amount_micros, found.total.currency) if found.total else None,
            pagination=page_response_after(found.after, scope),
        )

    async def GetInvoice(self, request: pb.GetInvoiceRequest, context: Context) -> pb.GetInvoiceResponse:
        invoice_id = parse_id(request.invoice_id, "invoice_id")
        return pb.GetInvoiceResponse(
            invoice=convert.invoice_to_pb(await self._read.invoice(invoice_id, any_team_or_own()))
        )

    async def ListInvoices(self, request: pb.ListInvoicesRequest, context: Context) -> pb.ListInvoicesResponse:
        status = convert.status_filter(request.status_filter)
        team = readable_team(request.team)
        scope = (team, "invoices", status or "")
        invoices, after = await self._read.invoices(team, status, _page_by_id(request.pagination, scope))
        return pb.ListInvoicesResponse(
            invoices=map(convert.invoice_to_pb, invoices), pagination=page_response_after(after, scope)
        )

    async def ListAdjustments(self, request: pb.ListAdjustmentsRequest, context: Context) -> pb.ListAdjustmentsResponse:
        team = readable_team(request.team)
        scope = (team, "adjustments")
        found, after = await self._read.adjustments(team, _page_by_id(request.pagination, scope))
        return pb.ListAdjustmentsResponse(
            adjustments=map(convert.adjustment_to_pb, found), pagination=page_response_after(after, scope)
        )

    async def GetReconciliation(
        self, request: pb.GetReconciliationRequest, context: Context
    ) -> pb.GetReconciliationResponse:
        team = readable_team(request.team)
        start, end = convert.wanted_days(request, self._clock.now())
        scope = (team, "reconciliation", str(start), str(end), str(request.unsettled_only))
        found, after = await self._read.reconciliation(
            team, start, end, _page_by_day(request.pagination, scope), unsettled_only=request.unsettled_only
        )
        return pb.GetReconciliationResponse(
            entries=map(convert.reconciliation_to_pb, found), pagination=page_response_after(after, scope)
        )


def _page_by_id(pagination: common_pb2.PaginationRequest, scope: Sequence[str]) -> PageRequest:
    """Tokens are bound, not signed: what they hold is checked like any other input."""
    page = page_request(pagination.page_size, pagination.page_token, scope=scope)
    if page.after:
        parse_id(page.after[0], _TOKEN)
    return page


def _page_by_day(pagination: common_pb2.PaginationRequest, scope: Sequence[str]) -> PageRequest:
    page = page_request(pagination.page_size, pagination.page_token, scope=scope)
    if page.after:
        try:
            date.fromisoformat(page.after[0].partition(" ")[0])
        except ValueError:
            raise invalid(_TOKEN, "is not a token of this list") from None
    return page
