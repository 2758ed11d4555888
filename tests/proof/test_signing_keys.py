"""A signing key is withdrawn while everybody calls: who holds a good credential notices nothing, a token of the key is
worth nothing in any service after a second.
"""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass

import grpc
import pytest
from early_end import answered
from forgepoint.auth.v1 import auth_pb2, signing_keys_pb2, signing_keys_pb2_grpc
from forgepoint.inference.v1 import inference_pb2
from forgepoint.pipeline.v1 import pipeline_pb2
from forgepoint.pipeline.v1.pipeline_pb2_grpc import PipelineOrchestratorServiceStub
from forgepoint.serving.v1 import serving_pb2
from fp_gateway.methods import all_methods
from fp_rpc import BearerToken, Channels
from google.protobuf import message_factory
from platform_client import row

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
PREDICT = "/forgepoint.inference.v1.InferenceGatewayService/Predict"
SERVING = "/forgepoint.serving.v1.ModelServingService/GetModelStatus"
METHODS = [next(method for path, method in all_methods().items() if path.endswith(name)) for name in READS.values()]
LOAD_SECONDS = 3.0
PROMISED = 1.0


@dataclass
class Call:
    """noun: of the service that is to answer."""

    channel: grpc.aio.Channel
    noun: str
    path: str
    request: bytes

    async def code(self, credential):
        metadata = (("authorization", f"Bearer {credential}"),)

        async def call():
            await self.channel.unary_unary(self.path)(self.request, metadata=metadata, timeout=20)

        try:
            await answered(call)
        except grpc.aio.AioRpcError as error:
            return error.code()
        return grpc.StatusCode.OK


class Load:
    """Calls, one after the other, with one credential, until it is stopped."""

    def __init__(self, calls, credential):
        self.calls, self.credential = calls, credential
        self.answers = []
        self.stopping = False

    async def run(self):
        while not self.stopping:
            for call in self.calls:
                began = time.monotonic()
                self.answers.append((began, call.noun, await call.code(self.credential)))

    def since(self, moment):
        return Counter((noun, code.name) for began, noun, code in self.answers if began >= moment)

    def all(self, code):
        """What `since` has when each call was answered with nothing else."""
        return {(call.noun, code) for call in self.calls}


def through_the_gateway(channel):
    """A read of each service, and a prediction, for which `inference` needs a runtime and a token of its own."""
    ask = inference_pb2.PredictRequest(model_name="linear", inputs={"x": row(1, 1, 1)}).SerializeToString()
    reads = [
        Call(channel, m.noun, m.path, message_factory.GetMessageClass(m.descriptor.input_type)().SerializeToString())
        for m in METHODS
    ]
    return [*reads, Call(channel, "prediction", PREDICT, ask)]


@pytest.fixture
async def runtime(served, exchange, direct):
    """A runtime's own door, which opens to services alone."""
    pipeline = next(method for method in METHODS if method.noun == "pipeline")
    stub = PipelineOrchestratorServiceStub(direct(pipeline))
    metadata = (("authorization", f"Bearer {await exchange('inference')}"),)
    listed = await stub.ListDeployments(pipeline_pb2.ListDeploymentsRequest(), metadata=metadata)
    endpoint = next(each.endpoint for each in listed.deployments if each.model_name == served)
    request = serving_pb2.GetModelStatusRequest(model_name=served).SerializeToString()
    async with grpc.aio.insecure_channel(endpoint) as channel:
        yield Call(channel, "serving", SERVING, request)


async def test_a_withdrawn_signing_key_ends_its_tokens_and_fails_nobody_else(
    platform, connect, admin, runtime, exchange
):
    leaked = await connect().login(platform.access.email, platform.access.password)
    # Whoever has the key signs himself the token of a service with it.
    forged = await exchange("inference")
    scopes = [f"{each}:read" for each in ("models", "deployments", "pipelines", "features", "experiments", "billing")]
    scopes += ["notifications:read", "monitors:read", "predictions:create"]
    key = (await admin.auth.CreateAPIKey(auth_pb2.CreateAPIKeyRequest(name="load", scopes=scopes))).raw_key
    channels = Channels(BearerToken(leaked))
    keys = signing_keys_pb2_grpc.SigningKeyServiceStub(channels.open(platform.access.address, timeout=30))
    async with grpc.aio.insecure_channel(platform.access.address) as channel, asyncio.TaskGroup() as group:
        calls = through_the_gateway(channel)
        good, bad, service = Load(calls, key), Load(calls, leaked), Load([runtime], forged)
        for load in (good, bad, service):
            group.create_task(load.run())
        current = await signing_now(keys)
        await asyncio.sleep(LOAD_SECONDS)
        before = time.monotonic()
        await keys.WithdrawSigningKey(signing_keys_pb2.WithdrawSigningKeyRequest(kid=current))
        withdrawn = time.monotonic()
        fresh = Load(calls, await connect().login(platform.access.email, platform.access.password))
        fresh_service = Load([runtime], await exchange("inference"))
        for load in (fresh, fresh_service):
            group.create_task(load.run())
        await asyncio.sleep(PROMISED + LOAD_SECONDS)
        for load in (good, bad, service, fresh, fresh_service):
            load.stopping = True
    await channels.close()

    for load in (good, fresh, fresh_service):
        assert set(load.since(0)) == load.all("OK"), load.since(0)
    for load in (bad, service):
        assert ended_before(load, before) == load.all("OK"), "it was good until then"
        after = load.since(withdrawn + PROMISED)
        assert set(after) == load.all("UNAUTHENTICATED"), after
    print(f"none failed: {sum(good.since(0).values())} with a key, {sum(fresh.since(0).values())} with a new login")
    refused = {"withdrawn": bad, "withdrawn, at a runtime": service}
    print({name: sum(load.since(withdrawn + PROMISED).values()) for name, load in refused.items()})


async def signing_now(keys):
    listed = (await keys.ListSigningKeys(signing_keys_pb2.ListSigningKeysRequest())).signing_keys
    return next(each.kid for each in listed if each.HasField("signs_from") and not each.HasField("retired_at"))


def ended_before(load, moment):
    return {(noun, code.name) for began, noun, code in load.answers if began < moment - PROMISED}
