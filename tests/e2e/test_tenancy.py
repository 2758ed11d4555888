"""Every RPC, called by another team with our ids and names: nothing of ours comes back, nothing of ours changes."""

import asyncio
import json

import grpc
import pytest
import pytest_asyncio
from early_end import answered
from forgepoint.auth.v1 import auth_pb2, auth_pb2_grpc
from forgepoint.pipeline.v1 import pipeline_pb2
from forgepoint.registry.v1 import registry_pb2
from fp_kernel import new_id
from fp_testkit.patience import PATIENCE
from google.protobuf import message_factory
from google.protobuf.duration_pb2 import Duration
from rpc_walk import METHODS

# What refuses a stranger without telling whether the thing exists; UNIMPLEMENTED is said to everyone who may call.
REFUSED = {
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.UNAUTHENTICATED,
}


@pytest_asyncio.fixture
async def ours(admin, served):
    """Ids and names of the first team, by the names that requests have for them."""
    model = (await admin.registry.GetModel(registry_pb2.GetModelRequest(name=served))).model
    version = (await admin.registry.ListVersions(registry_pb2.ListVersionsRequest(model_id=model.id))).versions[0]
    execution = (await admin.pipeline.ListExecutions(pipeline_pb2.ListExecutionsRequest())).executions[0]
    me = (await admin.auth.GetCurrentUser(auth_pb2.GetCurrentUserRequest())).claims
    return {
        "model_id": model.id,
        "model_name": served,
        "version_id": version.id,
        "version": version.version,
        "execution_id": execution.id,
        "pipeline_id": execution.pipeline_id,
        "user_id": me.user_id,
        "team": me.team,
        "team_filter": me.team,
    }


def fill(method, ours):
    """A request whose ids and names are ours; `id` and `name` mean the service's own resource."""
    own = {"registry": ("model_id", "model_name"), "pipeline": ("pipeline_id", ""), "inference": ("", "model_name")}
    by_id, by_name = own.get(method.noun, ("", ""))
    values = ours | {"id": ours.get(by_id, ""), "name": ours.get(by_name, "")}
    request = message_factory.GetMessageClass(method.descriptor.input_type)()
    for field in method.descriptor.input_type.fields:
        # Those that create would only reserve the name in the stranger's own team.
        if field.type == field.TYPE_STRING and not field.is_repeated and values.get(field.name):
            setattr(request, field.name, values[field.name])
    return request


async def answer(channel, method, token, request):
    """Status and the bytes that came back."""
    shape = f"{'stream' if method.client_streaming else 'unary'}_{'stream' if method.server_streaming else 'unary'}"
    body = request.SerializeToString()
    metadata = (("authorization", f"Bearer {token}"),)

    async def call():
        sent = iter([body]) if method.client_streaming else body
        running = getattr(channel, shape)(method.path)(sent, metadata=metadata, timeout=PATIENCE)
        return b"".join([message async for message in running]) if method.server_streaming else await running

    try:
        return grpc.StatusCode.OK, await answered(call)
    except grpc.aio.AioRpcError as error:
        return error.code(), (error.details() or "").encode()


async def state(admin, ours):
    """What a stranger must not have changed."""
    model = await admin.registry.GetModel(registry_pb2.GetModelRequest(id=ours["model_id"]))
    version = await admin.registry.GetVersion(registry_pb2.GetVersionRequest(id=ours["version_id"]))
    request = pipeline_pb2.GetExecutionRequest(execution_id=ours["execution_id"])
    return (model, version, await admin.pipeline.GetExecution(request))


@pytest_asyncio.fixture
async def stranger(who, token_of, connect, job_token):
    """A credential of another team, of one of the kinds that a team can have; each costs two hashes of passwords."""
    if who == "key":
        owner = connect(await token_of("admin", "strange-keys"))
        return (await owner.auth.CreateAPIKey(auth_pb2.CreateAPIKeyRequest(name="stranger", scopes=["*:*"]))).raw_key
    if who == "job":
        return await job_token(new_id(), "strange-jobs")
    return await token_of(who, f"strange-{who}s")


@pytest.mark.parametrize("who", ["viewer", "engineer", "admin", "key", "job"])
async def test_a_stranger_with_our_ids_gets_and_changes_nothing_of_ours(platform, admin, stranger, ours, who):
    before = await state(admin, ours)
    secret = [ours[name].encode() for name in ("model_id", "version_id", "execution_id", "pipeline_id", "user_id")]

    async with grpc.aio.insecure_channel(platform.access.address) as channel:
        for method in METHODS:
            request = fill(method, ours)
            code, body = await answer(channel, method, stranger, request)
            if code is not grpc.StatusCode.OK:
                assert code in REFUSED, (method.path, code, body)
            else:
                assert not [found for found in secret if found in body], method.path
    assert await state(admin, ours) == before


async def test_an_expired_token_is_refused_at_every_door(platform, connect, served):
    """auth issues a job's token for a second; when its time is up, nobody takes it any more."""
    secret = json.loads((platform.folder / "secrets.json").read_text())["service.pipeline"]
    auth_port = (platform.folder / "ports.json").read_text()
    address = f"127.0.0.1:{json.loads(auth_port)['auth.grpc']}"
    async with grpc.aio.insecure_channel(address) as channel:
        stub = auth_pb2_grpc.AuthServiceStub(channel)
        exchanged = await stub.ExchangeServiceToken(
            auth_pb2.ExchangeServiceTokenRequest(service="pipeline", secret=secret)
        )
        metadata = (("authorization", f"Bearer {exchanged.access_token}"), ("fp-on-behalf-of-team", "platform"))
        request = auth_pb2.IssueJobTokenRequest(execution_id="e", step_id="s", ttl=Duration(seconds=1))
        token = (await stub.IssueJobToken(request, metadata=metadata)).access_token

    async with grpc.aio.insecure_channel(platform.access.address) as channel:
        doors = [
            next(method for method in METHODS if method.path.endswith(name))
            for name in (
                "RegistryService/ListModels",
                "AuthService/GetCurrentUser",
                "InferenceGatewayService/GetModelInfo",
            )
        ]
        async with asyncio.timeout(PATIENCE):
            for method in doors:
                request = message_factory.GetMessageClass(method.descriptor.input_type)()
                while True:
                    code, body = await answer(channel, method, token, request)
                    if code is grpc.StatusCode.UNAUTHENTICATED:
                        break
                    await asyncio.sleep(0.2)
                assert b"expired" in body, method.path
