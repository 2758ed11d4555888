"""Billing as it runs: real Postgres and NATS, called through gRPC and fed by events."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import resources
from typing import Any

import pytest
import pytest_asyncio
from forgepoint.billing.v1 import billing_pb2 as pb
from forgepoint.billing.v1.billing_pb2_grpc import BillingServiceStub
from forgepoint.events.v1 import events_pb2
from fp_billing.domain.periods import period_of
from fp_billing.main import serve
from fp_billing.settings import Settings
from fp_events import Broadcast, Event
from fp_kernel import new_id
from fp_rpc import BearerToken, Channels
from fp_testkit.issuer import SERVICE_SECRET, Issuer
from fp_testkit.patience import PATIENCE
from fp_testkit.services import RunningService
from fp_testkit.wallclock import MOMENT, StandingClock

METERS = [name for name in pb.MeterType.keys() if name != "METER_TYPE_UNSPECIFIED"]  # noqa: SIM118 -- no mapping
REQUESTS = "METER_TYPE_INFERENCE_REQUEST"


def plan_request(name: str = "gold", *, price: int = 100, included: int = 0, quota: int = 0, **more: Any) -> Any:
    return pb.CreateRatePlanRequest(
        name=name,
        unit_prices={meter: pb.Money(amount_micros=price, currency_code="USD") for meter in METERS},
        included_quantities={REQUESTS: included},
        quota_limits={REQUESTS: quota},
        **more,
    )


@dataclass
class Caller:
    """A client with one credential; failures are `fp_kernel` errors."""

    stub: Any
    acting: str = ""

    async def __call__(self, request: Any, *, key: str = "") -> Any:
        """The answer of the RPC that this request belongs to."""
        method = getattr(self.stub, type(request).__name__.removesuffix("Request"))
        pairs = [("idempotency-key", key), ("fp-on-behalf-of-team", self.acting)]
        return await method(request, metadata=tuple(pair for pair in pairs if pair[1]))

    async def plan(self, *arguments: Any, **more: Any) -> pb.RatePlan:
        return (await self.plan_answer(*arguments, **more)).rate_plan

    async def plan_answer(self, *arguments: Any, **more: Any) -> Any:
        return await self(plan_request(*arguments, **more))

    async def assign(self, plan: pb.RatePlan, team: str = "") -> Any:
        return await self(pb.AssignRatePlanRequest(team=team, rate_plan_id=plan.id))

    async def record(self, quantity: int = 1, source: str = "", **more: Any) -> Any:
        kind = more.pop("meter_type", pb.METER_TYPE_INFERENCE_REQUEST)
        return await self(pb.RecordUsageRequest(meter_type=kind, quantity=quantity, source_request_id=source, **more))

    async def used(self, meter: int = pb.METER_TYPE_INFERENCE_REQUEST, team: str = "") -> int:
        return (await self(pb.CheckQuotaRequest(meter_type=meter, team=team))).current_usage

    async def used_up_to(self, quantity: int, meter: int = pb.METER_TYPE_INFERENCE_REQUEST) -> None:
        """Returns once so much was metered."""
        async with asyncio.timeout(PATIENCE):
            while await self.used(meter) < quantity:
                await asyncio.sleep(0.02)


@dataclass
class Billing:
    service: RunningService
    issuer: Issuer
    stack: AsyncExitStack

    def caller(self, token: str, *, acting: str = "") -> Caller:
        channels = Channels(BearerToken(token))
        self.stack.push_async_callback(channels.close)
        return Caller(BillingServiceStub(channels.open(self.service.grpc_address, timeout=PATIENCE)), acting)

    def operator(self, team: str = "alpha") -> Caller:
        return self.caller(self.issuer.identity.operator(team))

    def admin(self, team: str = "alpha") -> Caller:
        return self.caller(self.issuer.identity.admin(team))

    def engineer(self, team: str = "alpha") -> Caller:
        return self.caller(self.issuer.identity.engineer(team))

    def as_service(self, noun: str, *, acting: str = "") -> Caller:
        """One that also records usage by an RPC; today the platform's services do so by events."""
        scopes = ["billing:read", "billing:write"]
        return self.caller(self.issuer.identity.service(noun, scopes=scopes), acting=acting)


@pytest_asyncio.fixture
async def stack():
    async with AsyncExitStack() as opened:
        yield opened


@pytest_asyncio.fixture
async def settings(databases, nats_url, issuer):
    return Settings(
        grpc_port=0,
        http_port=0,
        bind_host="127.0.0.1",
        auth_issuer=issuer.url,
        auth_addr=issuer.address,
        service_secret=SERVICE_SECRET,
        env="dev",
        database_url=await databases.create(resources.files("fp_billing") / "migrations", service="billing"),
        nats_url=nats_url,
        billing_linger=0.01,
        billing_invoice_seconds=0.1,
        billing_tell_seconds=0.05,
    )


@pytest.fixture
def start(services, issuer, stack, settings) -> Callable[..., Any]:
    """Start a replica; keyword arguments change its settings. clock: where its time stands."""

    async def starter(clock: Any = None, **changes: Any) -> Billing:
        changed = Settings(**{**settings.model_dump(), **changes})
        running = await services("billing", changed, serve, clock=clock or StandingClock())
        return Billing(running, issuer, stack)

    return starter


@pytest_asyncio.fixture
async def billing(start):
    return await start()


@pytest.fixture
def ann(billing):
    """The operator, a member of team alpha."""
    return billing.operator()


def _prediction(request_id: str = "", *, team: str = "alpha", tokens: int = 0, at: datetime | None = None) -> Event:
    payload = events_pb2.InferenceCompleted(
        request_id=request_id or new_id(), model_id="m-1", model_name="flights", version="3", token_count=tokens
    )
    payload.completed_at.FromDatetime(at or MOMENT)
    return Event("fp.inference.completed", payload, team=team, resource_id="m-1", summary="s", source="inference")


@pytest.fixture
def prediction():
    return _prediction


def _batch(*predictions: tuple[str, int, int]) -> Event:
    """One message of predictions, each `(request id, rows, tokens)`."""
    payload = events_pb2.InferenceRecorded(
        completed=[
            events_pb2.InferenceCompleted(
                request_id=request_id, model_id="m-1", model_name="flights", version="3", rows=rows, token_count=tokens
            )
            for request_id, rows, tokens in predictions
        ]
    )
    return Event("fp.inference.recorded", payload, team="alpha", resource_id="m-1", summary="s", source="inference")


@pytest.fixture
def batch():
    return _batch


@pytest.fixture
def last_month():
    """A moment in the month before this one."""
    return period_of(MOMENT).start - timedelta(days=1)


@pytest.fixture
def second_day():
    """The second day of this month: within the grace of the last one, however many days a month has."""
    return StandingClock(period_of(MOMENT).start + timedelta(days=1))


@pytest.fixture
def published(bus):
    """What the bus stores of billing, once there are so many events of a kind, or so many facts in its sums."""

    async def listen(kind: str, number: int = 1, facts: int = 0) -> list[Any]:
        found, enough = [], asyncio.Event()

        async def note(event: Any) -> None:
            found.append(event)
            mine = [each for each in found if each.type == kind]
            if len(mine) >= number and sum(each.payload.facts for each in mine if facts) >= facts:
                enough.set()

        async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
            listening = group.create_task(bus.broadcast(Broadcast("test", ("fp.billing.>",), deliver="all"), note))
            await enough.wait()
            listening.cancel()
        return [event for event in found if event.type == kind]

    return listen
