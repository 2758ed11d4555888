"""A client of the public API, as any program could be one."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from forgepoint.auth.v1 import auth_pb2, auth_pb2_grpc
from forgepoint.billing.v1 import billing_pb2_grpc
from forgepoint.experiment.v1 import experiment_pb2_grpc
from forgepoint.featurestore.v1 import featurestore_pb2_grpc
from forgepoint.inference.v1 import inference_pb2_grpc
from forgepoint.monitor.v1 import monitor_pb2_grpc
from forgepoint.notification.v1 import notification_pb2_grpc
from forgepoint.pipeline.v1 import pipeline_pb2_grpc
from forgepoint.registry.v1 import registry_pb2_grpc
from fp_jobs import trust
from fp_jobs.patience import patiently
from fp_rpc import Channels
from fp_supervisor import Access

CALL_SECONDS = 60.0
# A token lives for 15 minutes; a story that was held up lasts longer than that.
RENEWED_AFTER_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Session:
    """Stubs on one channel to the platform. ca_file: see `trust`."""

    registry: Any
    pipeline: Any
    inference: Any
    features: Any
    experiment: Any
    monitor: Any
    billing: Any
    notification: Any
    ca_file: str


@asynccontextmanager
async def open_session(access: Access) -> AsyncIterator[Session]:
    """Log in and connect."""
    channels = Channels(Login(access), certificates=trust.channel(access.ca_file))
    try:
        channel = channels.open(access.address, timeout=CALL_SECONDS)
        yield Session(
            registry=registry_pb2_grpc.RegistryServiceStub(channel),
            pipeline=pipeline_pb2_grpc.PipelineOrchestratorServiceStub(channel),
            inference=inference_pb2_grpc.InferenceGatewayServiceStub(channel),
            features=featurestore_pb2_grpc.FeatureStoreServiceStub(channel),
            experiment=experiment_pb2_grpc.ExperimentTrackerServiceStub(channel),
            monitor=monitor_pb2_grpc.MonitorServiceStub(channel),
            billing=billing_pb2_grpc.BillingServiceStub(channel),
            notification=notification_pb2_grpc.NotificationServiceStub(channel),
            ca_file=access.ca_file,
        )
    finally:
        await channels.close()


class Login:
    """The token of the first admin, had anew before it ends."""

    acts_for_others = False

    def __init__(self, access: Access) -> None:
        self._access = access
        self._token = ""
        self._renew_at = float("-inf")
        self._lock = asyncio.Lock()

    def ready(self) -> str | None:
        return None

    async def token(self) -> str:
        async with self._lock:
            if time.monotonic() >= self._renew_at:
                self._token = await patiently(self._log_in)
                self._renew_at = time.monotonic() + RENEWED_AFTER_SECONDS
        return self._token

    def refused(self, token: str) -> bool:  # noqa: ARG002 -- the protocol's name
        return False

    async def _log_in(self) -> str:
        channels = Channels(None, certificates=trust.channel(self._access.ca_file))
        try:
            stub: Any = auth_pb2_grpc.AuthServiceStub(channels.open(self._access.address, timeout=CALL_SECONDS))
            request = auth_pb2.LoginRequest(email=self._access.email, password=self._access.password)
            return str((await stub.Login(request)).access_token)
        finally:
            await channels.close()
