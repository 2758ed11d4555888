"""A signing key that leaked is worth nothing in a runtime either."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import grpc
import pytest
from forgepoint.auth.v1 import withdrawals_pb2
from forgepoint.auth.v1.withdrawals_pb2_grpc import (
    WithdrawalServiceServicer,
    add_WithdrawalServiceServicer_to_server,
)
from forgepoint.serving.v1 import serving_pb2 as pb
from forgepoint.serving.v1.serving_pb2_grpc import ModelServingServiceStub
from fp_kernel import Unauthenticated
from fp_rpc import Channels, Server, ServiceCredential, StaticJwks
from fp_rpc.identity.caller import of_bearer
from fp_rpc.identity.withdrawals import identity_ended
from fp_serving.adapters.identity import callers, follow_signing_keys
from fp_telemetry import Metrics
from fp_testkit.issuer import SERVICE_SECRET, Issuer
from fp_testkit.patience import PATIENCE
from fp_testkit.services import RunningService

Start = Callable[..., Awaitable[RunningService]]
ChannelTo = Callable[..., grpc.aio.Channel]


async def refused(stub: ModelServingServiceStub) -> Unauthenticated:
    """What the runtime answers as soon as it has heard; until then it must answer."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await stub.GetModelStatus(pb.GetModelStatusRequest(model_name="delays"))
            except Unauthenticated as error:
                return error
            await asyncio.sleep(0.02)


async def test_a_token_of_a_withdrawn_key_ends_in_every_runtime_that_runs(
    start: Start, channel: ChannelTo, registry_server, issuer: Issuer
) -> None:
    registry_server.put(b"x")
    stubs = [ModelServingServiceStub(channel(await start())) for _ in range(2)]
    for stub in stubs:
        await stub.GetModelStatus(pb.GetModelStatusRequest(model_name="delays"))

    issuer.end("signing_key", issuer.identity.kid)

    for stub in stubs:
        assert (await refused(stub)).reason == "IDENTITY_ENDED"


async def test_a_runtime_hears_of_what_was_withdrawn_before_its_start(
    start: Start, channel: ChannelTo, registry_server, issuer: Issuer
) -> None:
    registry_server.put(b"x")
    issuer.end("signing_key", issuer.identity.kid)
    assert (await refused(ModelServingServiceStub(channel(await start())))).reason == "IDENTITY_ENDED"


class EndsTheFirst(WithdrawalServiceServicer):
    """The key under the watcher's own token is withdrawn, which ends its stream before the news."""

    def __init__(self) -> None:
        self.watches = 0

    async def WatchSigningKeys(
        self, request: withdrawals_pb2.WatchSigningKeysRequest, context: object
    ) -> AsyncIterator[withdrawals_pb2.WatchSigningKeysResponse]:
        self.watches += 1
        answer = withdrawals_pb2.WatchSigningKeysResponse()
        if self.watches > 1:
            answer.withdrawals.add(kind="signing_key", id="k1", revision=1).until.FromSeconds(4_000_000_000)
        yield answer
        if self.watches == 1:
            raise of_bearer(identity_ended())
        await asyncio.Event().wait()


async def test_the_end_of_its_own_token_s_key_is_no_end_of_what_a_runtime_hears(issuer: Issuer) -> None:
    ends, withdrawals, heard = (
        EndsTheFirst(),
        callers(issuer.url, StaticJwks({"keys": []})).withdrawals,
        asyncio.Event(),
    )
    withdrawals.subscribe(heard.set)
    server = Server("auth", resolver=issuer.identity.resolver(), metrics=Metrics("auth"))
    server.add(add_WithdrawalServiceServicer_to_server, ends)
    port = await server.start("127.0.0.1:0")
    server.set_serving(True)
    credential = ServiceCredential("serving", SERVICE_SECRET, issuer.address)
    channels = Channels(credential)
    following = asyncio.create_task(
        follow_signing_keys(channels.open(f"127.0.0.1:{port}", timeout=PATIENCE), withdrawals)
    )

    async with asyncio.timeout(PATIENCE):
        await heard.wait()

    assert withdrawals.gone("signing_key", "k1")
    assert not following.done(), "a new start would cost half a second"
    following.cancel()
    await channels.close()
    await credential.close()
    await server.stop(0)


async def test_an_api_key_opens_no_runtime(start: Start, channel: ChannelTo, registry_server, issuer: Issuer) -> None:
    registry_server.put(b"x")
    stub = ModelServingServiceStub(channel(await start(), issuer.api_key(role="admin")))
    with pytest.raises(Unauthenticated):
        await stub.GetModelStatus(pb.GetModelStatusRequest())
