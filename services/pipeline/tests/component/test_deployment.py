"""A deployment from trigger to traffic, through real servers and stores."""

import asyncio
from typing import Any

import pytest
from forgepoint.events.v1 import events_pb2
from forgepoint.pipeline.v1 import pipeline_pb2 as pb
from forgepoint.serving.v1 import serving_pb2
from fp_events.consumer.tail import tail
from fp_kernel import FailedPrecondition, InvalidArgument, NotFound, PermissionDenied
from fp_testkit.patience import PATIENCE

SAGA: dict[str, Any] = {
    "name": "deploy-model",
    "type": "PIPELINE_TYPE_DEPLOYMENT_SAGA",
    "steps": [
        {"id": "validate", "type": "STEP_TYPE_VALIDATE"},
        {"id": "deploy", "type": "STEP_TYPE_DEPLOY", "maxRetries": 2},
        {"id": "canary", "type": "STEP_TYPE_CANARY", "config": {"weight_bps": 500, "min_seconds": 0}},
        {"id": "promote", "type": "STEP_TYPE_PROMOTE", "maxRetries": 2, "config": {"keep_warm_seconds": 0}},
    ],
}


async def test_a_version_is_deployed_and_the_next_one_takes_over(replica, client, peers):
    engineer = client((await replica()).grpc_address)
    peers.world.add_version("delays", "1")
    peers.world.add_version("delays", "2")
    pipeline = await engineer.create(SAGA)
    for version in ("1", "2"):
        triggered = await engineer.trigger(pipeline.id, model="delays", version=version)
        assert triggered.status == pb.EXECUTION_STATUS_PENDING
        ended = await engineer.ended(triggered.id)
        assert ended.status == pb.EXECUTION_STATUS_COMPLETED, ended.error
    assert peers.world.production("delays") == "delays-2"
    assert peers.world["splits"]["delays"] == {"1": 0, "2": 10_000}
    internal = client((await replica()).grpc_address, role="service")
    (live,) = (await internal.stub.ListDeployments(pb.ListDeploymentsRequest())).deployments
    assert (live.version, live.weight_bps, live.team, live.model_name) == ("2", 10_000, "alpha", "delays")
    assert live.endpoint
    assert live.sequence == 1
    of_model = pb.ListDeploymentsRequest(team="alpha", model_name="delays")
    assert list((await internal.stub.ListDeployments(of_model)).deployments) == [live]
    for other in ({"team": "beta", "model_name": "delays"}, {"team": "alpha", "model_name": "other"}):
        assert not (await internal.stub.ListDeployments(pb.ListDeploymentsRequest(**other))).deployments
    with pytest.raises(InvalidArgument):
        await internal.stub.ListDeployments(pb.ListDeploymentsRequest(team="alpha"))
    assert live.signature.inputs[0].name == "features"
    assert live.endpoint not in str(ended), "an address is nobody's business"


async def test_a_small_version_is_loaded_in_the_process_of_its_team_and_leaves_it_when_that_refuses_it(
    replica, client, peers, eventually
):
    peers.serving.state = serving_pb2.MODEL_STATE_UNLOADED
    peers.world.add_version("delays", "1")
    peers.world["versions"]["delays-1"]["size_bytes"] = 1_000
    engineer = client((await replica(pipeline_shared_model_bytes=1_000)).grpc_address)
    pipeline = await engineer.create(SAGA)
    ended = await engineer.ended((await engineer.trigger(pipeline.id, model="delays", version="1")).id)
    assert ended.status == pb.EXECUTION_STATUS_COMPLETED, ended.error
    assert peers.serving.loaded == ["delays-1"]
    (stored,) = peers.world["runtimes"].values()
    assert (stored["group"].startswith("shared-"), stored["version_id"]) == (True, "")
    peers.serving.outcasts = ["other-1", "delays-1"]
    await eventually(lambda: [each["version_id"] for each in peers.world["runtimes"].values()] == ["delays-1"])
    (stored,) = peers.world["runtimes"].values()
    assert stored["group"] == ""


async def test_a_version_of_several_replicas_is_deployed_when_each_is_ready_and_all_end_with_it(
    replica, client, peers, eventually
):
    peers.serving.state = serving_pb2.MODEL_STATE_LOADING
    peers.world.add_version("delays", "1")
    running = await replica()
    engineer, internal = client(running.grpc_address), client(running.grpc_address, role="service")
    steps = [{"id": "deploy", "type": "STEP_TYPE_DEPLOY", "config": {"replicas": {"min": 3}}}, *SAGA["steps"][2:]]
    pipeline = await engineer.create(SAGA, steps=steps)
    triggered = await engineer.trigger(pipeline.id, model="delays", version="1")
    await eventually(lambda: peers.world.count("look") >= 3)
    assert not (await internal.stub.ListDeployments(pb.ListDeploymentsRequest())).deployments
    peers.serving.state = serving_pb2.MODEL_STATE_READY
    ended = await engineer.ended(triggered.id)
    assert ended.status == pb.EXECUTION_STATUS_COMPLETED, ended.error
    first, *others = peers.world["runtimes"]
    assert others == [f"{first}/2", f"{first}/3"]
    (live,) = (await internal.stub.ListDeployments(pb.ListDeploymentsRequest())).deployments
    (address,) = {stored["address"] for stored in peers.world["runtimes"].values()}
    assert live.endpoint == f"ipv4:{address},{address},{address}"
    peers.world.add_version("delays", "2")
    await engineer.ended((await engineer.trigger(pipeline.id, model="delays", version="2")).id)
    await eventually(lambda: {each["version_id"] for each in peers.world["runtimes"].values()} == {"delays-2"})


async def test_a_version_that_serves_gets_more_runtimes_and_fewer(replica, client, peers, eventually):
    peers.world.add_version("delays", "1")
    running = await replica()
    engineer = client(running.grpc_address)
    pipeline = await engineer.create(SAGA)
    await engineer.ended((await engineer.trigger(pipeline.id, model="delays", version="1")).id)

    async def scale():
        asked = pb.ListVersionRuntimesRequest(model_name="delays")
        (found,) = (await engineer.stub.ListVersionRuntimes(asked)).scales
        return found

    for number in (3, 1):
        request = pb.ScaleDeploymentRequest(
            model_name="delays", version="1", min_replicas=number, idempotency_key=f"{number}"
        )
        wanted = (await engineer.stub.ScaleDeployment(request)).scale
        assert (wanted.min_replicas, wanted.max_replicas, wanted.target_percent) == (number, number, 70)
        assert (await engineer.stub.ScaleDeployment(request)).scale == wanted, "a repeat happens once"
        async with asyncio.timeout(PATIENCE):
            while not (await scale()).settled:
                await asyncio.sleep(0.05)
        assert len(peers.world["runtimes"]) == number
    with pytest.raises(NotFound):
        await engineer.stub.ScaleDeployment(pb.ScaleDeploymentRequest(model_name="delays", version="9", min_replicas=1))
    with pytest.raises(InvalidArgument) as refused:
        await engineer.stub.ScaleDeployment(pb.ScaleDeploymentRequest(model_name="delays", version="1"))
    assert [each.field for each in refused.value.fields] == ["min_replicas"]


async def test_a_version_in_a_shared_process_is_unloaded_and_loaded_by_its_team(replica, client, peers):
    peers.serving.state = serving_pb2.MODEL_STATE_UNLOADED
    for model, size in (("delays", 1_000), ("large", 2_000)):
        peers.world.add_version(model, "1")
        peers.world["versions"][f"{model}-1"]["size_bytes"] = size
    engineer = client((await replica(pipeline_shared_model_bytes=1_000)).grpc_address)
    pipeline = await engineer.create(SAGA)
    for model in ("delays", "large"):
        ended = await engineer.ended((await engineer.trigger(pipeline.id, model=model, version="1")).id)
        assert ended.status == pb.EXECUTION_STATUS_COMPLETED, ended.error
    request = pb.UnloadVersionRequest(model_name="delays", version="1", reason="too hungry")
    unloaded = (await engineer.stub.UnloadVersion(request)).runtime
    assert (unloaded.state, unloaded.message) == (serving_pb2.MODEL_STATE_UNLOADED, "too hungry")
    assert (unloaded.shared, unloaded.version_id, unloaded.reason) == (True, "delays-1", "MODEL_UNLOADED")
    (listed,) = (await engineer.stub.ListVersionRuntimes(pb.ListVersionRuntimesRequest(model_name="large"))).runtimes
    assert (listed.version, listed.shared, listed.state) == ("1", False, serving_pb2.MODEL_STATE_UNLOADED)
    loaded = (await engineer.stub.LoadVersion(pb.LoadVersionRequest(model_name="delays", version="1"))).runtime
    assert loaded.state == serving_pb2.MODEL_STATE_READY
    with pytest.raises(FailedPrecondition) as alone:
        await engineer.stub.UnloadVersion(pb.UnloadVersionRequest(model_name="large", version="1"))
    assert alone.value.reason == "RUNTIME_NOT_SHARED"
    with pytest.raises(NotFound):
        await engineer.stub.LoadVersion(pb.LoadVersionRequest(model_name="delays", version="9"))
    with pytest.raises(InvalidArgument):
        await engineer.stub.LoadVersion(pb.LoadVersionRequest(model_name="delays"))


async def test_a_promotion_is_taken_back_while_the_version_before_is_warm(replica, client, peers):
    running = await replica()
    engineer = client(running.grpc_address)
    internal = client((await replica()).grpc_address, role="service")
    of_model = pb.ListDeploymentsRequest(team="alpha", model_name="delays")
    pipeline = await engineer.create(SAGA, steps=[*SAGA["steps"][:-1], {"id": "promote", "type": "STEP_TYPE_PROMOTE"}])
    for version in ("1", "2"):
        peers.world.add_version("delays", version)
        await engineer.ended((await engineer.trigger(pipeline.id, model="delays", version=version)).id)
    asked = pb.GetPromotionRequest(model_name="delays")
    promotion = (await engineer.stub.GetPromotion(asked)).promotion
    assert (promotion.version, promotion.state) == ("2", pb.PROMOTION_STATE_WATCHED)
    assert [(each.version, each.weight_bps) for each in promotion.goes_back_to] == [("1", 10_000)]
    assert promotion.warm_until.seconds - promotion.promoted_at.seconds == 900
    assert len((await internal.stub.ListDeployments(of_model)).deployments) == 2
    request = pb.RollbackPromotionRequest(model_name="delays", reason="worse", idempotency_key="once")
    rolled_back = (await engineer.stub.RollbackPromotion(request)).promotion
    assert (rolled_back.state, rolled_back.reason) == (pb.PROMOTION_STATE_ROLLED_BACK, "worse")
    assert rolled_back.ended_by
    assert peers.world["splits"]["delays"] == {"1": 10_000, "2": 0}
    assert peers.world.production("delays") == "delays-1"
    (live,) = (await internal.stub.ListDeployments(of_model)).deployments
    assert (live.version, live.weight_bps) == ("1", 10_000)
    assert (await engineer.stub.GetPromotion(asked)).promotion == rolled_back
    await engineer.stub.RollbackPromotion(request)
    content, _ = running.runtime.metrics.render()
    assert b'fp_pipeline_promotions_total{outcome="requested"} 1.0' in content


async def test_each_arm_of_a_model_is_told_with_its_failures_and_latency(replica, client):
    running = await replica()
    engineer = client(running.grpc_address)
    asked = pb.GetVersionStatisticsRequest(model_name="delays")
    assert not (await engineer.stub.GetVersionStatistics(asked)).versions
    for seconds in (0, 200_000):
        asked.last.seconds = seconds
        with pytest.raises(InvalidArgument):
            await engineer.stub.GetVersionStatistics(asked)


async def test_a_model_without_a_promotion_has_none_to_take_back(replica, client):
    engineer = client((await replica()).grpc_address)
    with pytest.raises(NotFound):
        await engineer.stub.GetPromotion(pb.GetPromotionRequest(model_name="delays"))
    with pytest.raises(NotFound):
        await engineer.stub.RollbackPromotion(pb.RollbackPromotionRequest(model_name="delays"))
    with pytest.raises(InvalidArgument):
        await engineer.stub.GetPromotion(pb.GetPromotionRequest())


async def test_routers_hear_of_what_is_deployed_with_its_sequence(replica, client, peers, bus):
    engineer = client((await replica()).grpc_address)
    peers.world.add_version("delays", "1")
    pipeline = await engineer.create(SAGA)
    seen: dict[str, Any] = {}
    async with tail(bus, "fp.pipelines.>") as passing:
        execution = await engineer.trigger(pipeline.id, model="delays", version="1")
        async for passed in passing:
            seen[passed.event.type] = passed.event
            if passed.event.type == "fp.pipelines.completed":
                break
    deployed = seen["fp.pipelines.model.deployed"]
    assert (deployed.team, deployed.resource_id, deployed.sequence) == ("alpha", "delays-1", 1)
    assert isinstance(deployed.payload, events_pb2.ModelDeployed)
    assert deployed.payload.weight_bps == 10_000
    assert deployed.payload.execution_id == execution.id
    completed = seen["fp.pipelines.completed"]
    assert completed.resource_id == execution.id
    assert completed.payload.pipeline_name == "deploy-model"
    assert completed.sequence == 5
    assert completed.correlation_id == deployed.correlation_id != ""


async def test_a_runtime_that_cannot_load_leaves_nothing_behind(replica, client, peers):
    engineer = client((await replica()).grpc_address)
    peers.world.add_version("delays", "1")
    peers.serving.state, peers.serving.message = serving_pb2.MODEL_STATE_FAILED, "not an ONNX file"
    pipeline = await engineer.create(SAGA)
    ended = await engineer.ended((await engineer.trigger(pipeline.id, model="delays", version="1")).id)
    assert ended.status == pb.EXECUTION_STATUS_FAILED
    assert ended.error == "step 'deploy': the runtime cannot load the version: not an ONNX file"
    assert peers.world["runtimes"] == {}


async def test_what_was_done_is_counted(replica, client, peers):
    running = await replica()
    engineer = client(running.grpc_address)
    peers.world.add_version("delays", "1")
    pipeline = await engineer.create(SAGA)
    for version in ("1", "nothing"):
        await engineer.ended((await engineer.trigger(pipeline.id, model="delays", version=version)).id)
    content, _ = running.runtime.metrics.render()
    assert b'fp_pipeline_executions_total{status="COMPLETED"} 1.0' in content
    assert b'fp_pipeline_executions_total{status="FAILED"} 1.0' in content
    assert b'fp_pipeline_steps_total{outcome="failed",type="VALIDATE"} 1.0' in content
    assert b'fp_pipeline_steps_total{outcome="completed",type="PROMOTE"} 1.0' in content


async def test_a_model_that_is_not_there_is_told_by_name(replica, client):
    engineer = client((await replica()).grpc_address)
    pipeline = await engineer.create(SAGA)
    ended = await engineer.ended((await engineer.trigger(pipeline.id, model="nothing", version="1")).id)
    assert ended.error == "step 'validate': no model 'nothing'"


async def test_a_runtime_that_vanished_comes_back(replica, client, peers, eventually):
    engineer = client((await replica()).grpc_address)
    peers.world.add_version("delays", "1")
    pipeline = await engineer.create(SAGA)
    await engineer.ended((await engineer.trigger(pipeline.id, model="delays", version="1")).id)
    (name,) = peers.world["runtimes"]
    peers.world["runtimes"].clear()
    await eventually(lambda: name in peers.world["runtimes"])


async def test_only_services_may_list_deployments(replica, client):
    admin = client((await replica()).grpc_address, role="admin")
    with pytest.raises(PermissionDenied):
        await admin.stub.ListDeployments(pb.ListDeploymentsRequest())
