"""A client of the public API, as any program could be one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from forgepoint.auth.v1 import auth_pb2, auth_pb2_grpc
from forgepoint.inference.v1 import inference_pb2_grpc
from forgepoint.pipeline.v1 import pipeline_pb2_grpc
from forgepoint.registry.v1 import registry_pb2_grpc
from fp_devstack.client import Access
from fp_rpc import BearerToken, Channels

CALL_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Session:
    """Stubs on one channel to the gateway."""

    registry: Any
    pipeline: Any
    inference: Any


@asynccontextmanager
async def open_session(access: Access) -> AsyncIterator[Session]:
    """Log in and connect."""
    token = await _login(access)
    channels = Channels(BearerToken(token))
    try:
        channel = channels.open(access.address, timeout=CALL_SECONDS)
        yield Session(
            registry=registry_pb2_grpc.RegistryServiceStub(channel),
            pipeline=pipeline_pb2_grpc.PipelineOrchestratorServiceStub(channel),
            inference=inference_pb2_grpc.InferenceGatewayServiceStub(channel),
        )
    finally:
        await channels.close()


async def _login(access: Access) -> str:
    channels = Channels(None)
    try:
        stub: Any = auth_pb2_grpc.AuthServiceStub(channels.open(access.address, timeout=CALL_SECONDS))
        response = await stub.Login(auth_pb2.LoginRequest(email=access.email, password=access.password))
        return str(response.access_token)
    finally:
        await channels.close()
