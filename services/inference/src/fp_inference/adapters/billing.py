"""Quotas and limits, read from billing."""

from collections.abc import Mapping
from typing import Any

import grpc
from forgepoint.billing.v1 import billing_pb2 as pb
from forgepoint.billing.v1.billing_pb2_grpc import BillingServiceStub
from fp_kernel.bucket import Limit
from fp_rpc import acting_for

from fp_inference.app.limits import BURST_SECONDS
from fp_inference.app.team_limits import TeamLimit

_TIMEOUT = 1.0
_METERS: Mapping[str, Any] = {
    "INFERENCE_REQUEST": pb.METER_TYPE_INFERENCE_REQUEST,
    "INFERENCE_TOKENS": pb.METER_TYPE_INFERENCE_TOKENS,
}


class BillingUsage:
    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub: Any = BillingServiceStub(channel)

    async def exceeded(self, team: str, meter: str) -> bool:
        return bool((await self._quota(team, meter)).exceeded)

    async def of_team(self, team: str) -> TeamLimit:
        found = await self._quota(team, "INFERENCE_REQUEST")
        rate, in_flight = found.predictions_per_second, found.predictions_in_flight
        limit = Limit(float(rate), BURST_SECONDS * rate) if rate else None
        return TeamLimit(limit, in_flight or None)

    async def _quota(self, team: str, meter: str) -> Any:
        request = pb.CheckQuotaRequest(team=team, meter_type=_METERS[meter])
        with acting_for(team):
            return await self._stub.CheckQuota(request, timeout=_TIMEOUT)
