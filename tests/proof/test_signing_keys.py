"""A signing key is withdrawn while everybody calls: who holds a good credential notices nothing, a token of the key is
worth nothing in any service after a second.
"""

import asyncio
import time
from collections import Counter

import grpc
from early_end import answered
from forgepoint.auth.v1 import auth_pb2, signing_keys_pb2, signing_keys_pb2_grpc
from fp_gateway.methods import all_methods
from fp_rpc import BearerToken, Channels
from google.protobuf import message_factory

# One read of each service that runs.
READS = {
    "auth": "AuthService/GetCurrentUser",
    "registry": "RegistryService/ListModels",
    "inference": "InferenceGatewayService/ListRoutes",
    "pipeline": "PipelineOrchestratorService/ListPipelines",
    "featurestore": "FeatureStoreService/ListFeatureViews",
    "experiment": "ExperimentTrackerService/ListExperiments",
    "billing": "BillingService/ListRatePlans",
    "notification": "NotificationService/ListNotifications",
    "monitor": "MonitorService/ListMonitors",
}
METHODS = [next(method for path, method in all_methods().items() if path.endswith(name)) for name in READS.values()]
LOAD_SECONDS = 3.0
PROMISED = 1.0


async def code_of(channel, method, credential):
    request = message_factory.GetMessageClass(method.descriptor.input_type)().SerializeToString()

    async def call():
        await channel.unary_unary(method.path)(
            request, metadata=(("authorization", f"Bearer {credential}"),), timeout=20
        )

    try:
        await answered(call)
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


class Load:
    """Calls of every service, one after the other, with one credential, until it is stopped."""

    def __init__(self, channel, credential):
        self.channel, self.credential = channel, credential
        self.calls = []
        self.stopping = False

    async def run(self):
        while not self.stopping:
            for method in METHODS:
                began = time.monotonic()
                self.calls.append((began, method.noun, await code_of(self.channel, method, self.credential)))

    def since(self, moment):
        return Counter((noun, code.name) for began, noun, code in self.calls if began >= moment)


async def test_a_withdrawn_signing_key_ends_its_tokens_and_fails_nobody_else(platform, connect, admin):
    leaked = await connect().login(platform.access.email, platform.access.password)
    scopes = [f"{each}:read" for each in ("models", "deployments", "pipelines", "features", "experiments", "billing")]
    scopes += ["notifications:read", "monitors:read"]
    key = (await admin.auth.CreateAPIKey(auth_pb2.CreateAPIKeyRequest(name="load", scopes=scopes))).raw_key
    channels = Channels(BearerToken(leaked))
    keys = signing_keys_pb2_grpc.SigningKeyServiceStub(channels.open(platform.access.address, timeout=30))
    listed = (await keys.ListSigningKeys(signing_keys_pb2.ListSigningKeysRequest())).signing_keys
    current = next(each for each in listed if each.HasField("signs_from") and not each.HasField("retired_at"))

    async with grpc.aio.insecure_channel(platform.access.address) as channel, asyncio.TaskGroup() as group:
        good, bad = Load(channel, key), Load(channel, leaked)
        for load in (good, bad):
            group.create_task(load.run())
        await asyncio.sleep(LOAD_SECONDS)
        await keys.WithdrawSigningKey(signing_keys_pb2.WithdrawSigningKeyRequest(kid=current.kid))
        withdrawn = time.monotonic()
        fresh = Load(channel, await connect().login(platform.access.email, platform.access.password))
        group.create_task(fresh.run())
        await asyncio.sleep(PROMISED + LOAD_SECONDS)
        for load in (good, bad, fresh):
            load.stopping = True
    await channels.close()

    assert set(good.since(0)) == {(method.noun, "OK") for method in METHODS}, good.since(0)
    assert set(fresh.since(0)) == {(method.noun, "OK") for method in METHODS}, fresh.since(0)
    after = bad.since(withdrawn + PROMISED)
    assert set(after) == {(method.noun, "UNAUTHENTICATED") for method in METHODS}, after
    print(f"good {sum(good.since(0).values())}, fresh {sum(fresh.since(0).values())}, refused {sum(after.values())}")
