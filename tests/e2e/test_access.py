"""What identity means besides the walk over every RPC: other teams, revoked keys, the audit."""

import asyncio
from contextlib import suppress

import grpc
import pytest
from forgepoint.auth.v1 import auth_pb2
from forgepoint.common.v1 import access_pb2
from forgepoint.inference.v1 import inference_pb2
from forgepoint.pipeline.v1 import pipeline_pb2
from forgepoint.registry.v1 import registry_pb2
from fp_events import connect as connect_bus
from fp_events.consumer.tail import tail
from fp_kernel import FailedPrecondition, NotFound
from fp_testkit.patience import PATIENCE
from platform_client import row
from rpc_walk import METHODS, REFUSALS, access, status


async def test_what_is_not_built_says_so_and_never_answers_empty(channel, admin_token):
    answers = {method.path: await status(channel, method, admin_token) for method in METHODS if method.noun == "ai"}

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


@pytest.mark.parametrize("role", ["engineer", "admin"])
async def test_another_team_s_things_can_be_neither_changed_nor_followed(role, connect, token_of, admin, served):
    model = (await admin.registry.GetModel(registry_pb2.GetModelRequest(name=served))).model
    version = (await admin.registry.ListVersions(registry_pb2.ListVersionsRequest(model_id=model.id))).versions[0]
    execution = (await admin.pipeline.ListExecutions(pipeline_pb2.ListExecutionsRequest())).executions[0]
    key = (await admin.auth.CreateAPIKey(auth_pb2.CreateAPIKeyRequest(name="ours", scopes=["models:read"]))).api_key
    stranger = connect(await token_of(role, "strangers"))
    registry, pipeline, inference, auth = stranger.registry, stranger.pipeline, stranger.inference, stranger.auth
    production = registry_pb2.MODEL_STAGE_PRODUCTION
    weights = [inference_pb2.TrafficWeight(version=version.version, weight_bps=10_000)]

    for call in (
        registry.UpdateModel(registry_pb2.UpdateModelRequest(id=model.id, description="mine", update_description=True)),
        registry.CreateVersion(registry_pb2.CreateVersionRequest(model_id=model.id)),
        registry.ConfirmVersionUpload(registry_pb2.ConfirmVersionUploadRequest(version_id=version.id)),
        registry.GetUploadURL(registry_pb2.GetUploadURLRequest(version_id=version.id)),
        registry.PromoteVersion(registry_pb2.PromoteVersionRequest(version_id=version.id, target_stage=production)),
        registry.RollbackModel(registry_pb2.RollbackModelRequest(model_id=model.id)),
        registry.DeleteModel(registry_pb2.DeleteModelRequest(id=model.id)),
        registry.ListVersions(registry_pb2.ListVersionsRequest(model_id=model.id)),
        registry.GetProductionHistory(registry_pb2.GetProductionHistoryRequest(model_id=model.id)),
        pipeline.TriggerExecution(pipeline_pb2.TriggerExecutionRequest(pipeline_id=execution.pipeline_id)),
        pipeline.CancelExecution(pipeline_pb2.CancelExecutionRequest(execution_id=execution.id)),
        pipeline.GetPromotion(pipeline_pb2.GetPromotionRequest(model_name=served)),
        pipeline.RollbackPromotion(pipeline_pb2.RollbackPromotionRequest(model_name=served)),
        pipeline.LoadVersion(pipeline_pb2.LoadVersionRequest(model_name=served, version="1")),
        pipeline.UnloadVersion(pipeline_pb2.UnloadVersionRequest(model_name=served, version="1")),
        pipeline.WatchExecution(pipeline_pb2.WatchExecutionRequest(execution_id=execution.id)).read(),
        pipeline.StreamStepLogs(pipeline_pb2.StreamStepLogsRequest(execution_id=execution.id, step_id="deploy")).read(),
        inference.Predict(inference_pb2.PredictRequest(model_name=served, inputs={"x": row(1, 1, 1)})),
        auth.RevokeAPIKey(auth_pb2.RevokeAPIKeyRequest(key_id=key.id)),
        auth.RotateAPIKey(auth_pb2.RotateAPIKeyRequest(key_id=key.id)),
    ):
        with pytest.raises(NotFound):
            await call
    # As for a name that nobody has: the pipeline asks until the target is known.
    with pytest.raises(FailedPrecondition):
        await inference.SetTrafficSplit(inference_pb2.SetTrafficSplitRequest(model_name=served, weights=weights))


@pytest.mark.parametrize(
    "path",
    [
        "auth.v1.AuthService/GetCurrentUser",
        "registry.v1.RegistryService/ListModels",
        "inference.v1.InferenceGatewayService/ListRoutes",
        "pipeline.v1.PipelineOrchestratorService/ListPipelines",
        "billing.v1.BillingService/GetUsage",
    ],
)
async def test_a_revoked_api_key_is_refused_long_before_a_service_would_ask_again(channel, admin, path):
    method = next(method for method in METHODS if method.path == f"/forgepoint.{path}")
    scopes = ["models:read", "pipelines:read", "deployments:read", "billing:read"]
    made = await admin.auth.CreateAPIKey(auth_pb2.CreateAPIKeyRequest(name="short-lived", scopes=scopes))
    assert await status(channel, method, made.raw_key) not in REFUSALS

    await admin.auth.RevokeAPIKey(auth_pb2.RevokeAPIKeyRequest(key_id=made.api_key.id))

    async with asyncio.timeout(PATIENCE):
        while await status(channel, method, made.raw_key) is not grpc.StatusCode.UNAUTHENTICATED:
            await asyncio.sleep(0.1)


async def test_every_call_that_is_to_be_audited_reaches_the_audit_log(channel, admin_token, platform):
    audited = {method.path: method for method in METHODS if access(method).audit == access_pb2.AUDIT_LEVEL_ALWAYS}
    bus = await connect_bus(platform.admin_nats_url, name="test")
    seen: dict[str, str] = {}
    with suppress(TimeoutError):
        # From the beginning: a second anonymous call of one kind within a minute is only counted.
        async with asyncio.timeout(PATIENCE), tail(bus, "fp.audit.>", deliver="all") as passing:
            for method in audited.values():
                await status(channel, method, admin_token)
            async for passed in passing:
                if (passed.event.source, passed.event.payload.status) == ("gateway", "UNAUTHENTICATED"):
                    # Of another test: what nobody stands behind goes no further.
                    continue
                seen[passed.event.payload.method] = passed.event.source
                if audited.keys() <= seen.keys():
                    break
    await bus.close()

    assert audited.keys() - seen.keys() == set()
    # The gateway itself refuses internal calls, and those of `ai`, which does not run.
    at_the_door = {path for path, method in audited.items() if method.noun == "ai" or access(method).internal}
    assert {path: seen[path] for path in audited} == {
        path: "gateway" if path in at_the_door else method.noun for path, method in audited.items()
    }
