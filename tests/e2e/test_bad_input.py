"""What users get wrong, through the gateway: each is a typed error that names the field."""

import base64
import json

import grpc
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from forgepoint.inference.v1 import inference_pb2 as pb
from forgepoint.inference.v1 import inference_pb2_grpc
from forgepoint.pipeline.v1 import pipeline_pb2
from forgepoint.registry.v1 import registry_pb2
from fp_flights import pipelines
from fp_kernel import InvalidArgument, NotFound, ResourceExhausted, Unauthenticated, new_id
from fp_rpc import from_rpc_error
from platform_client import linear_model, new_version, row, unloadable_model


def fields(error):
    return [violation.field for violation in error.value.fields]


async def test_a_prediction_is_what_the_model_says(admin, served):
    response = await admin.inference.Predict(pb.PredictRequest(model_name=served, inputs={"x": row(1, 1, 1)}))

    assert response.outputs["y"].data == row(6.0).data


@pytest.mark.parametrize(
    ("inputs", "field"),
    [
        ({"x": pb.TensorData(shape=[1, 3], dtype=pb.DATA_TYPE_FLOAT32, data=b"\0" * 11)}, "inputs[x].data"),
        ({"x": row(1, 2)}, "inputs[x].shape"),
        ({"x": pb.TensorData(shape=[0, 3], dtype=pb.DATA_TYPE_FLOAT32)}, "inputs[x].shape"),
        ({"x": pb.TensorData(shape=[1, 3], dtype=pb.DATA_TYPE_FLOAT64, data=b"\0" * 24)}, "inputs[x].dtype"),
        ({"x": pb.TensorData(shape=[1, 3], data=b"\0" * 12)}, "inputs[x].dtype"),
        ({"x": row(1, 2, 3), "z": row(1)}, "inputs[z]"),
        ({}, "inputs"),
    ],
)
async def test_a_wrong_tensor_is_named(admin, served, inputs, field):
    with pytest.raises(InvalidArgument) as caught:
        await admin.inference.Predict(pb.PredictRequest(model_name=served, inputs=inputs))

    assert fields(caught) == [field]


async def test_an_unknown_model_is_not_found(admin):
    with pytest.raises(NotFound, match="nobody"):
        await admin.inference.Predict(pb.PredictRequest(model_name="nobody", inputs={"x": row(1, 2, 3)}))


async def test_a_message_of_twenty_megabytes_is_refused_by_name(platform, admin_token, served):
    options = [("grpc.max_send_message_length", -1)]
    async with grpc.aio.insecure_channel(platform.access.address, options=options) as channel:
        tensor = pb.TensorData(shape=[1], dtype=pb.DATA_TYPE_FLOAT32, data=bytes(20_000_000))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await inference_pb2_grpc.InferenceGatewayServiceStub(channel).Predict(
                pb.PredictRequest(model_name=served, inputs={"x": tensor}),
                metadata=(("authorization", f"Bearer {admin_token}"),),
            )

    error = from_rpc_error(caught.value)
    assert isinstance(error, ResourceExhausted)
    assert error.reason == "MESSAGE_TOO_LARGE"
    assert error.fields[0].field == "message"


async def test_an_artifact_that_does_not_load_fails_its_deployment_with_the_reason_and_leaves_nothing(admin, platform):
    before = {found.name for found in await platform.supervisor.runtimes()}
    version = await new_version(admin, "corrupt", unloadable_model())

    execution = await admin.run(pipelines.deployment(), {"model": "corrupt", "version": version.version})

    assert execution.status == pipeline_pb2.EXECUTION_STATUS_FAILED
    assert "deploy" in execution.error
    with pytest.raises(NotFound):
        await admin.inference.GetRoute(pb.GetRouteRequest(model_name="corrupt"))
    assert {found.name for found in await platform.supervisor.runtimes()} == before


async def test_what_is_no_model_fails_its_version_before_anybody_deploys_it(admin):
    version = await new_version(admin, "text", b"this is no model" * 100)

    assert version.status == registry_pb2.VERSION_STATUS_FAILED
    assert "no ONNX model" in version.failure_reason


async def test_a_wrong_digest_fails_the_version_and_says_so(admin):
    version = await new_version(admin, "mismatch", linear_model(), digest=f"sha256:{'0' * 64}")

    assert version.status == registry_pb2.VERSION_STATUS_FAILED
    assert "expected was sha256:000" in version.failure_reason


async def test_a_cyclic_graph_is_refused_by_the_field(admin):
    steps = [
        pipeline_pb2.StepDefinition(id="a", type=pipeline_pb2.STEP_TYPE_TRAIN, depends_on=["b"]),
        pipeline_pb2.StepDefinition(id="b", type=pipeline_pb2.STEP_TYPE_TRAIN, depends_on=["a"]),
    ]
    for step in steps:
        step.config.update({"module": "fp_flights.train_job"})
    request = pipeline_pb2.CreatePipelineRequest(
        name=f"cycle-{new_id()}", type=pipeline_pb2.PIPELINE_TYPE_TRAINING_DAG, steps=steps
    )

    with pytest.raises(InvalidArgument) as caught:
        await admin.pipeline.CreatePipeline(request)

    assert any("depends_on" in field for field in fields(caught))


def forged(token):
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    claims = jwt.decode(token, options={"verify_signature": False})
    return jwt.encode(claims, key, "RS256", headers={"kid": jwt.get_unverified_header(token)["kid"]})


def stretched(token):
    head, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    changed = (
        base64.urlsafe_b64encode(json.dumps(claims | {"exp": claims["exp"] + 3_600}).encode()).rstrip(b"=").decode()
    )
    return f"{head}.{changed}.{signature}"


def unsigned(token):
    claims = jwt.decode(token, options={"verify_signature": False})
    return jwt.encode(claims, None, "none")


def symmetric(token):
    claims = jwt.decode(token, options={"verify_signature": False})
    return jwt.encode(claims, "x" * 64, "HS256", headers={"kid": jwt.get_unverified_header(token)["kid"]})


@pytest.mark.parametrize("spoil", [forged, stretched, unsigned, symmetric, lambda _: "nonsense"])
async def test_a_token_that_auth_did_not_sign_is_refused_everywhere(connect, admin_token, spoil):
    client = connect(spoil(admin_token))

    for call in (
        client.registry.ListModels(registry_pb2.ListModelsRequest()),
        client.pipeline.ListPipelines(pipeline_pb2.ListPipelinesRequest()),
        client.inference.ListRoutes(pb.ListRoutesRequest()),
    ):
        with pytest.raises(Unauthenticated):
            await call
