"""Quotas, read from billing."""

from collections.abc import Mapping
from typing import Any

import grpc
from forgepoint.billing.v1 import billing_pb2 as pb
from forgepoint.billing.v1.billing_pb2_grpc import BillingServiceStub
from fp_rpc import acting_for

_TIMEOUT = 1.0
_METERS: Mapping[str, Any] = {
    "INFERENCE_REQUEST": pb.METER_TYPE_INFERENCE_REQUEST,
    "INFERENCE_TOKENS": pb.METER_TYPE_INFERENCE_TOKENS,
}


class BillingUsage:
    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub: Any = BillingServiceStub(channel)

    async def exceeded(self, team: str, meter: str) -> bool:
        request = pb.CheckQuotaRequest(team=team, meter_type=_METERS[meter])
        with acting_for(team):
            answer = await self._stub.CheckQuota(request, timeout=_TIMEOUT)
        return bool(answer.exceeded)
