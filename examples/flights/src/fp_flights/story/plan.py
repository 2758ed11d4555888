"""A rate plan, and the team on it."""

import asyncio
from typing import Any

from forgepoint.billing.v1 import billing_pb2 as pb
from fp_jobs.patience import patiently
from fp_kernel import AlreadyExists, FailedPrecondition, new_id
from google.protobuf.timestamp_pb2 import Timestamp

from fp_flights.story.narrator import Narrator
from fp_flights.story.session import Session

NAME = "flights"
REQUESTS = "METER_TYPE_INFERENCE_REQUEST"
# Millionths of a dollar a unit: a request, a token, a second of computing, a byte kept.
PRICES = {
    REQUESTS: 200,
    "METER_TYPE_INFERENCE_TOKENS": 2,
    "METER_TYPE_COMPUTE_SECONDS": 40,
    "METER_TYPE_STORAGE_BYTES": 1,
}
INCLUDED = {REQUESTS: 1_000, "METER_TYPE_STORAGE_BYTES": 1_000_000}
# Usage is recorded behind the answers; billing that is this far behind, in seconds, has lost something.
METERED_SECONDS = 120.0
_PAUSE = 0.25
_DAY = 86_400


async def assign(session: Session, narrator: Narrator) -> None:
    """Make the plan, unless it is there, and put the team on it."""
    request = pb.CreateRatePlanRequest(name=NAME, included_quantities=INCLUDED, idempotency_key=new_id())
    for meter, micros in PRICES.items():
        request.unit_prices[meter].CopyFrom(pb.Money(amount_micros=micros, currency_code="USD"))
    try:
        plan = (await patiently(lambda: session.billing.CreateRatePlan(request))).rate_plan
    except AlreadyExists:
        plan = await _by_name(session)
    assignment = pb.AssignRatePlanRequest(rate_plan_id=plan.id, idempotency_key=new_id())
    team = (await patiently(lambda: session.billing.AssignRatePlan(assignment))).team
    prices = ", ".join(f"{meter.removeprefix('METER_TYPE_').lower()} {micros}" for meter, micros in PRICES.items())
    narrator.say(f"team {team} is on the plan {NAME}: {prices} (millionths of a dollar a unit)")


async def used(session: Session) -> Any:
    """Usage by meter in all months so far, and what it costs."""
    request = pb.GetUsageRequest(period_start=Timestamp(seconds=_DAY))
    request.period_end.GetCurrentTime()
    request.period_end.seconds += _DAY
    return await patiently(lambda: session.billing.GetUsage(request))


def requests(usage: Any) -> int:
    return sum(int(summary.by_meter[REQUESTS].total_quantity) for summary in usage.summaries)


async def metered(session: Session, count: int, before: int) -> Any:
    """Usage as soon as it has grown by that many requests since `before`, or after METERED_SECONDS as it is."""
    ends = asyncio.get_running_loop().time() + METERED_SECONDS
    while True:
        usage = await used(session)
        if requests(usage) - before >= count or asyncio.get_running_loop().time() > ends:
            return usage
        await asyncio.sleep(_PAUSE)


async def _by_name(session: Session) -> Any:
    request = pb.ListRatePlansRequest()
    while True:
        response = await patiently(lambda: session.billing.ListRatePlans(request))
        for plan in response.rate_plans:
            if plan.name == NAME:
                return plan
        request.pagination.page_token = response.pagination.next_page_token
        if not request.pagination.page_token:
            raise FailedPrecondition(f"the rate plan {NAME} exists and is not listed")
