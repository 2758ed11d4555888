"""Every RPC answers to a stranger, a viewer and another team as its Access option says."""

import asyncio

import grpc
import pytest
import pytest_asyncio
from forgepoint.common.v1 import access_pb2
from forgepoint.inference.v1 import inference_pb2
from forgepoint.pipeline.v1 import pipeline_pb2
from forgepoint.registry.v1 import registry_pb2
from fp_gateway.methods import all_methods
from fp_kernel import NotFound
from fp_testkit.identity import ROLE_SCOPES
from google.protobuf import message_factory

METHODS = sorted(all_methods().values(), key=lambda method: method.path)
# What a handler may answer to an empty request of somebody who may call: anything but a refusal of his identity.
REFUSALS = {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED}
VIEWER = ROLE_SCOPES["viewer"]


@pytest_asyncio.fixture
async def channel(platform):
    async with grpc.aio.insecure_channel(platform.access.address) as opened:
        yield opened


def access(method):
    return method.descriptor.GetOptions().Extensions[access_pb2.access]


async def status(channel, method, token=None):
    """The code of a call with an empty request; OK as such."""
    metadata = (("authorization", f"Bearer {token}"),) if token else ()
    request = message_factory.GetMessageClass(method.descriptor.input_type)().SerializeToString()
    shape = f"{'stream' if method.client_streaming else 'unary'}_{'stream' if method.server_streaming else 'unary'}"
    call = getattr(channel, shape)(method.path)
    try:
        running = call(iter([request]) if method.client_streaming else request, metadata=metadata, timeout=10)
        if method.server_streaming:
            await asyncio.wait_for(anext(aiter(running), None), 10)
        else:
            await running
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def test_all_rpcs_of_the_contract_are_walked():
    assert len(METHODS) >= 106


async def test_without_a_token_only_public_rpcs_answer(channel):
    answers = {method.path: await status(channel, method) for method in METHODS}

    refused = {path for path, code in answers.items() if code is grpc.StatusCode.UNAUTHENTICATED}
    # Public RPCs get an empty request: Login and the like refuse what is in it, which is UNAUTHENTICATED as well.
    public = {method.path for method in METHODS if access(method).public}
    assert {method.path for method in METHODS} - public <= refused


async def test_a_viewer_may_read_and_is_denied_the_rest(channel, token_of):
    token = await token_of("viewer", "watchers")

    answers = {method.path: await status(channel, method, token) for method in METHODS}

    for method in METHODS:
        rule = access(method)
        granted = not rule.internal and (rule.authenticated or rule.permission in VIEWER)
        if rule.public:
            continue
        if granted:
            assert answers[method.path] not in REFUSALS, method.path
        else:
            assert answers[method.path] is grpc.StatusCode.PERMISSION_DENIED, method.path


async def test_what_is_not_built_says_so_and_never_answers_empty(channel, admin_token):
    answers = {
        method.path: await status(channel, method, admin_token)
        for method in METHODS
        if method.noun in {"featurestore", "experiment", "billing", "notification", "monitor", "ai"}
    }

    assert set(answers.values()) == {grpc.StatusCode.UNIMPLEMENTED}


@pytest.mark.parametrize("role", ["viewer", "engineer", "admin"])
async def test_another_team_s_ids_are_not_found(role, connect, token_of, admin, served):
    model = (await admin.registry.GetModel(registry_pb2.GetModelRequest(name=served))).model
    version = (await admin.registry.ListVersions(registry_pb2.ListVersionsRequest(model_id=model.id))).versions[0]
    execution = (await admin.pipeline.ListExecutions(pipeline_pb2.ListExecutionsRequest())).executions[0]
    stranger = connect(await token_of(role, "strangers"))

    for call in (
        stranger.registry.GetModel(registry_pb2.GetModelRequest(id=model.id)),
        stranger.registry.GetModel(registry_pb2.GetModelRequest(name=served)),
        stranger.registry.GetVersion(registry_pb2.GetVersionRequest(id=version.id)),
        stranger.registry.GetDownloadURL(registry_pb2.GetDownloadURLRequest(version_id=version.id)),
        stranger.pipeline.GetPipeline(pipeline_pb2.GetPipelineRequest(pipeline_id=execution.pipeline_id)),
        stranger.pipeline.GetExecution(pipeline_pb2.GetExecutionRequest(execution_id=execution.id)),
        stranger.inference.GetRoute(inference_pb2.GetRouteRequest(model_name=served)),
        stranger.inference.GetModelInfo(inference_pb2.GetModelInfoRequest(model_name=served)),
    ):
        with pytest.raises(NotFound):
            await call
    assert not (await stranger.registry.ListModels(registry_pb2.ListModelsRequest())).models
    assert not (await stranger.pipeline.ListExecutions(pipeline_pb2.ListExecutionsRequest())).executions
    assert not (await stranger.inference.ListRoutes(inference_pb2.ListRoutesRequest())).routes
