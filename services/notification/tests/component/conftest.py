"""notification as it runs: real Postgres and NATS, called through gRPC."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from importlib import resources
from typing import Any

import pytest
from forgepoint.events.v1 import events_pb2
from forgepoint.notification.v1 import notification_pb2_grpc
from fp_events import Event, Severity
from fp_notification.main import serve
from fp_notification.settings import Settings
from fp_postgres import Database
from fp_rpc import BearerToken, Channels
from fp_testkit.issuer import SERVICE_SECRET
from fp_testkit.patience import PATIENCE

MIGRATIONS = resources.files("fp_notification") / "migrations"


@pytest.fixture
async def settings(databases, nats_url, issuer) -> Settings:
    return Settings(
        grpc_port=0,
        http_port=0,
        bind_host="127.0.0.1",
        env="dev",
        auth_issuer=issuer.url,
        auth_addr=issuer.address,
        service_secret=SERVICE_SECRET,
        database_url=await databases.create(MIGRATIONS, service="notification"),
        nats_url=nats_url,
        notification_signing_key=base64.b64encode(b"k" * 32).decode(),
        notification_webhook_loopback="127.0.0.0/8",
        notification_backoff="0.01,0.01,0.01,0.01",
        notification_poll=0.02,
    )


@pytest.fixture
async def replica(settings, services) -> Callable[..., Awaitable[Any]]:
    """Start one more replica."""

    async def start(**changes: Any) -> Any:
        return await services("notification", settings.model_copy(update=changes), serve)

    return start


@pytest.fixture
async def caller(issuer) -> AsyncIterator[Callable[..., Any]]:
    """`caller(replica, role, team)` -> stub, `caller.key(replica, *scopes)` too; failures are `fp_kernel` errors."""
    async with AsyncExitStack() as stack:

        def call(service: Any, role: str = "admin", team: str = "alpha", **claims: Any) -> Any:
            return with_credential(service, getattr(issuer.identity, role)(team, **claims))

        def with_credential(service: Any, credential: str) -> Any:
            channels = Channels(BearerToken(credential))
            stack.push_async_callback(channels.close)
            channel = channels.open(service.grpc_address, timeout=PATIENCE)
            return notification_pb2_grpc.NotificationServiceStub(channel)

        call.key = lambda service, *scopes, **facts: with_credential(
            service, issuer.api_key(scopes=sorted(scopes), **facts)
        )
        yield call


@pytest.fixture
def eventually() -> Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]:
    """Asks until the answer is true."""

    async def ask(question: Callable[[], Awaitable[Any]]) -> Any:
        async with asyncio.timeout(PATIENCE):
            while not (answer := await question()):
                await asyncio.sleep(0.02)
        return answer

    return ask


@pytest.fixture
async def known(settings) -> AsyncIterator[Callable[[str], Awaitable[bool]]]:
    """Whether a user is a recipient already."""
    database = await Database.connect(settings.database_url.get_secret_value(), source="test")

    async def ask(user_id: str) -> bool:
        return bool(await database.fetchval("SELECT count(*) FROM recipients WHERE id = $1", user_id))

    yield ask
    await database.close()


def _drift(team: str = "alpha", severity: Severity = Severity.WARNING, resource_id: str = "m1") -> Event:
    payload = events_pb2.ModelDriftDetected(
        model_name="delays", model_version="1", report_id="r1", sample_count=900, severity=2
    )
    return Event(
        "fp.models.drift.detected",
        payload,
        team=team,
        resource_id=resource_id,
        summary="The weather has changed.",
        severity=severity,
        source="monitor",
    )


def _joined(user_id: str, team: str = "alpha") -> Event:
    payload = events_pb2.UserCreated(user_id=user_id, name=user_id, team=team, role="viewer")
    return Event("fp.auth.user.created", payload, team=team, resource_id=user_id, summary="Joined.", source="auth")


@pytest.fixture
def drift() -> Callable[..., Event]:
    return _drift


@pytest.fixture
def joined() -> Callable[..., Event]:
    return _joined
