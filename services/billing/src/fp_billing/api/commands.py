"""The RPCs that change something."""

from collections.abc import Callable
from typing import Any, TypeVar

import grpc
from forgepoint.billing.v1 import billing_pb2 as pb
from forgepoint.billing.v1.billing_pb2_grpc import BillingServiceServicer
from fp_kernel import Replayed, invalid, parse_id
from fp_rpc import caller, command, expected_revision, principal
from fp_rpc.times import to_timestamp
from google.protobuf.message import Message

from fp_billing.api import convert
from fp_billing.api.team_scope import any_team_or_own, changed_team
from fp_billing.app.assign_rate_plan import Assigned, AssignRatePlan
from fp_billing.app.create_adjustment import CreateAdjustment
from fp_billing.app.create_rate_plan import CreateRatePlan
from fp_billing.app.meter_usage import Metered
from fp_billing.app.record_usage import RecordUsage
from fp_billing.app.settle_invoice import Settled, SettleInvoice, Settlement
from fp_billing.domain.adjustments import Adjustment
from fp_billing.domain.invoices import Status
from fp_billing.domain.plans import RatePlan

Answer = TypeVar("Answer", bound=Message)
Context = grpc.aio.ServicerContext[Any, Any]


class CommandServicer(BillingServiceServicer):
    def __init__(
        self,
        *,
        record_usage: RecordUsage,
        create_rate_plan: CreateRatePlan,
        assign_rate_plan: AssignRatePlan,
        settle_invoice: SettleInvoice,
        create_adjustment: CreateAdjustment,
    ) -> None:
        self._record_usage = record_usage
        self._create_rate_plan = create_rate_plan
        self._assign_rate_plan = assign_rate_plan
        self._settle_invoice = settle_invoice
        self._create_adjustment = create_adjustment

    async def RecordUsage(self, request: pb.RecordUsageRequest, context: Context) -> pb.RecordUsageResponse:
        usage, team = convert.usage_of(request), caller().team
        try:
            metered = await self._record_usage(team, usage, command(request, _recorded))
        except Replayed as replay:
            again = pb.RecordUsageResponse.FromString(replay.response)
            again.deduplicated = True
            return again
        return _recorded(metered)

    async def CreateRatePlan(self, request: pb.CreateRatePlanRequest, context: Context) -> pb.CreateRatePlanResponse:
        try:
            plan = await self._create_rate_plan(convert.new_plan(request), principal(), command(request, _created))
        except Replayed as replay:
            again = pb.CreateRatePlanResponse.FromString(replay.response)
            again.deduplicated = True
            return again
        return _created(plan)

    async def AssignRatePlan(self, request: pb.AssignRatePlanRequest, context: Context) -> pb.AssignRatePlanResponse:
        plan_id = parse_id(request.rate_plan_id, "rate_plan_id")
        team = changed_team(request.team)
        asked, expected = command(request, _assigned), expected_revision(request)
        return _assigned(await self._assign_rate_plan(team, plan_id, principal(), asked, expected=expected))

    async def MarkInvoicePaid(self, request: pb.MarkInvoicePaidRequest, context: Context) -> pb.MarkInvoicePaidResponse:
        end = Settlement(Status.PAID, "payment_reference", request.payment_reference)
        return await self._settle(request, end, _paid)

    async def VoidInvoice(self, request: pb.VoidInvoiceRequest, context: Context) -> pb.VoidInvoiceResponse:
        end = Settlement(Status.VOID, "reason", request.reason, request.reissue)
        return await self._settle(request, end, _void)

    async def CreateAdjustment(
        self, request: pb.CreateAdjustmentRequest, context: Context
    ) -> pb.CreateAdjustmentResponse:
        if not request.team:
            raise invalid("team", "must be named")
        new = convert.new_adjustment(request, changed_team(request.team))
        return _adjusted(await self._create_adjustment(new, principal(), command(request, _adjusted)))

    async def _settle(
        self,
        request: pb.MarkInvoicePaidRequest | pb.VoidInvoiceRequest,
        end: Settlement,
        answer: Callable[[Settled], Answer],
    ) -> Answer:
        invoice_id = parse_id(request.invoice_id, "invoice_id")
        asked = command(request, answer)
        return answer(await self._settle_invoice(invoice_id, any_team_or_own(), end, principal(), asked))


def _recorded(metered: Metered) -> pb.RecordUsageResponse:
    return pb.RecordUsageResponse(record=convert.record_to_pb(metered.record), deduplicated=metered.known)


def _created(plan: RatePlan) -> pb.CreateRatePlanResponse:
    return pb.CreateRatePlanResponse(rate_plan=convert.plan_to_pb(plan))


def _paid(settled: Settled) -> pb.MarkInvoicePaidResponse:
    return pb.MarkInvoicePaidResponse(invoice=convert.invoice_to_pb(settled.invoice))


def _void(settled: Settled) -> pb.VoidInvoiceResponse:
    return pb.VoidInvoiceResponse(
        invoice=convert.invoice_to_pb(settled.invoice),
        reissued=convert.invoice_to_pb(settled.reissued) if settled.reissued else None,
    )


def _adjusted(adjustment: Adjustment) -> pb.CreateAdjustmentResponse:
    return pb.CreateAdjustmentResponse(adjustment=convert.adjustment_to_pb(adjustment))


def _assigned(assigned: Assigned) -> pb.AssignRatePlanResponse:
    return pb.AssignRatePlanResponse(
        team=assigned.team,
        rate_plan=convert.plan_to_pb(assigned.plan),
        assigned_at=to_timestamp(assigned.at),
    )
