"""Whatever is read by an id or by a name is found by both, and a name that looks like an id is nobody else's id."""

import grpc
import pytest
from forgepoint.billing.v1 import billing_pb2 as billing
from forgepoint.billing.v1.billing_pb2_grpc import BillingServiceStub
from forgepoint.featurestore.v1 import featurestore_pb2 as features
from forgepoint.featurestore.v1.featurestore_pb2_grpc import FeatureStoreServiceStub
from forgepoint.pipeline.v1 import pipeline_pb2 as pipelines
from forgepoint.pipeline.v1.pipeline_pb2_grpc import PipelineOrchestratorServiceStub
from forgepoint.registry.v1 import registry_pb2 as registry
from forgepoint.registry.v1.registry_pb2_grpc import RegistryServiceStub
from fp_kernel import new_id
from fp_testkit.patience import PATIENCE
from google.protobuf import message_factory
from rpc_walk import METHODS


def handles(method):
    """The fields of a request by which the same thing may be asked for: its id and its name."""
    names = [field.name for field in method.descriptor.input_type.fields]
    ids = [name for name in names if name == "id" or name.endswith("_id")]
    return (ids[0], "name") if method.descriptor.name.startswith("Get") and ids and "name" in names else None


BY_BOTH = {method.path.rpartition("/")[2]: method for method in METHODS if handles(method)}


async def a_model(channel, name, call):
    made = await RegistryServiceStub(channel).RegisterModel(registry.RegisterModelRequest(name=name), **call)
    return made.model.id


async def a_pipeline(channel, name, call):
    step = pipelines.StepDefinition(id="a", name="a", type=pipelines.STEP_TYPE_VALIDATE)
    kind = pipelines.PIPELINE_TYPE_DEPLOYMENT_SAGA
    request = pipelines.CreatePipelineRequest(name=name, type=kind, steps=[step])
    return (await PipelineOrchestratorServiceStub(channel).CreatePipeline(request, **call)).pipeline.id


async def a_view(channel, name, call):
    feature = features.FeatureSpec(name="temp", value_type=features.FEATURE_VALUE_TYPE_DOUBLE)
    entity = features.Entity(name="airport", join_key="airport")
    request = features.DefineFeatureViewRequest(name=name, entity=entity, features=[feature])
    return (await FeatureStoreServiceStub(channel).DefineFeatureView(request, **call)).feature_view.id


async def a_plan(channel, name, call):
    price = {"METER_TYPE_INFERENCE_REQUEST": billing.Money(amount_micros=1, currency_code="EUR")}
    request = billing.CreateRatePlanRequest(name=name, unit_prices=price)
    return (await BillingServiceStub(channel).CreateRatePlan(request, **call)).rate_plan.id


MAKERS = {"GetModel": a_model, "GetPipeline": a_pipeline, "GetFeatureView": a_view, "GetRatePlan": a_plan}


def test_each_kind_that_has_an_id_and_a_name_is_tried():
    """The next one is refused here until it is made above."""
    assert set(BY_BOTH) == set(MAKERS)


@pytest.mark.parametrize("rpc", MAKERS)
async def test_it_is_found_by_its_id_and_by_its_name_and_by_nothing_else(rpc, channel, admin_token):
    method, make = BY_BOTH[rpc], MAKERS[rpc]
    id_field, _ = handles(method)
    call = {"metadata": (("authorization", f"Bearer {admin_token}"),), "timeout": PATIENCE}
    request_of, answer_of = map(
        message_factory.GetMessageClass, (method.descriptor.input_type, method.descriptor.output_type)
    )
    get = channel.unary_unary(
        method.path, request_serializer=request_of.SerializeToString, response_deserializer=answer_of.FromString
    )

    async def found(**fields):
        answer = await get(request_of(**fields), **call)
        return next(value for _, value in answer.ListFields()).id

    one = await make(channel, f"lookup-{new_id()}", call)
    two = await _called_as(make, channel, one, call)

    assert await found(**{id_field: one}) == one
    assert await found(**{id_field: two}) == two
    if two != one:
        assert await found(name=one) == two, "a name is a name, whatever it looks like"
    for nobody in ({id_field: new_id()}, {"name": f"nobody-{new_id()}"}, {"name": two}):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await found(**nobody)
        assert refused.value.code() is grpc.StatusCode.NOT_FOUND, nobody


async def _called_as(make, channel, number, call):
    """What is called as another one is numbered; that other one where no name may look like an id."""
    try:
        return await make(channel, number, call)
    except grpc.aio.AioRpcError as refused:
        if "must not look like an id" in refused.details():
            return number
        raise
