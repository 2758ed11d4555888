import grpc
import httpx
import pytest
import pytest_asyncio
from forgepoint.auth.v1 import auth_pb2, auth_pb2_grpc
from forgepoint.billing.v1 import billing_pb2, billing_pb2_grpc
from forgepoint.inference.v1 import inference_pb2, inference_pb2_grpc
from forgepoint.pipeline.v1 import pipeline_pb2, pipeline_pb2_grpc
from forgepoint.registry.v1 import registry_pb2, registry_pb2_grpc
from forgepoint.serving.v1 import serving_pb2, serving_pb2_grpc
from fp_gateway.backends import Backends
from fp_gateway.methods import all_methods
from fp_kernel import PermissionDenied, ResourceExhausted
from fp_rpc import BearerToken, Channels, from_rpc_error
from fp_testkit.http import NO_TLS
from fp_testkit.patience import PATIENCE


def bearer(token):
    return (("authorization", f"Bearer {token}"),)


async def test_a_call_passes_with_its_credential_and_its_trailers_come_back(edge, channel):
    call = registry_pb2_grpc.RegistryServiceStub(channel).GetModel(
        registry_pb2.GetModelRequest(name="m"), metadata=bearer(edge.issuer.identity.engineer("alpha"))
    )

    assert (await call).model.name == "m"
    assert edge.registry.calls[0].principal.team == "alpha"
    trailers = dict(tuple(await call.trailing_metadata()))
    assert trailers["fp-position"] == "7"
    assert "x-secret-host" not in trailers


async def test_nobody_acts_for_another_team_through_the_gateway(edge, channel):
    metadata = (*bearer(edge.issuer.identity.engineer("alpha")), ("fp-on-behalf-of-team", "beta"))

    await registry_pb2_grpc.RegistryServiceStub(channel).GetModel(
        registry_pb2.GetModelRequest(name="m"), metadata=metadata
    )

    assert edge.registry.calls[0].principal.team == "alpha"


@pytest.mark.parametrize(
    ("name", "code"), [("missing", grpc.StatusCode.NOT_FOUND), ("busy", grpc.StatusCode.RESOURCE_EXHAUSTED)]
)
async def test_a_service_s_status_and_details_come_back_as_they_are(edge, channel, name, code):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await registry_pb2_grpc.RegistryServiceStub(channel).GetModel(
            registry_pb2.GetModelRequest(name=name), metadata=bearer(edge.issuer.identity.engineer())
        )

    assert caught.value.code() is code
    error = from_rpc_error(caught.value)
    assert error.retry_after == (2.5 if name == "busy" else None)


async def test_the_callers_deadline_reaches_the_service(edge, channel):
    await registry_pb2_grpc.RegistryServiceStub(channel).GetModel(
        registry_pb2.GetModelRequest(name="m"), metadata=bearer(edge.issuer.identity.engineer()), timeout=20
    )

    # Far from the default of 30 s; gRPC rounds what it sends.
    assert edge.registry.calls[0].remaining() < 21


async def test_a_deadline_beyond_the_default_reaches_the_service_up_to_the_longest(edge, channel):
    stub, metadata = registry_pb2_grpc.RegistryServiceStub(channel), bearer(edge.issuer.identity.engineer())

    await stub.GetModel(registry_pb2.GetModelRequest(name="m"), metadata=metadata, timeout=300)
    await stub.GetModel(registry_pb2.GetModelRequest(name="m"), metadata=metadata, timeout=900_000)

    own, longest = (call.remaining() for call in edge.registry.calls)
    # gRPC rounds time-outs up on the wire.
    assert 200 < own < 320
    assert 3_000 < longest < 3_700


class Replica(registry_pb2_grpc.RegistryServiceServicer):
    def __init__(self):
        self.calls = 0
        self.fails = False

    async def RegisterModel(self, request, context):
        self.calls += 1
        if self.fails:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "going away")
        return registry_pb2.RegisterModelResponse()


@pytest_asyncio.fixture
async def replicas():
    """Two replicas of the registry, and the channel of the gateway to their one address."""
    servicers, servers, ports = (Replica(), Replica()), [], []
    for servicer in servicers:
        server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        registry_pb2_grpc.add_RegistryServiceServicer_to_server(servicer, server)
        ports.append(server.add_insecure_port("127.0.0.1:0"))
        await server.start()
        servers.append(server)
    backends = Backends({"registry": "ipv4:" + ",".join(f"127.0.0.1:{port}" for port in ports)}, "127.0.0.1:1")
    yield servicers, backends.callable_for(all_methods()["/forgepoint.registry.v1.RegistryService/RegisterModel"])
    await backends.close()
    for server in servers:
        await server.stop(None)


async def test_all_replicas_of_a_service_get_their_share(replicas):
    (one, two), register = replicas
    while not (one.calls and two.calls):
        await register(b"", timeout=PATIENCE)
    before = one.calls, two.calls

    for _ in range(20):
        await register(b"", timeout=PATIENCE)

    assert (one.calls - before[0], two.calls - before[1]) == (10, 10)


async def test_the_gateway_sends_nothing_again_that_a_service_has_seen(replicas):
    servicers, register = replicas
    for servicer in servicers:
        servicer.fails = True

    with pytest.raises(grpc.aio.AioRpcError, match="going away"):
        await register(b"", timeout=PATIENCE)

    assert sum(servicer.calls for servicer in servicers) == 1


# Which side is first is up to the kernel: a few rounds see both orders.
@pytest.mark.parametrize("attempt", range(12))
async def test_a_stream_that_is_refused_before_it_was_read_gets_the_refusal(edge, attempt):
    channels = Channels(BearerToken(edge.issuer.identity.engineer()))
    stub = serving_pb2_grpc.ModelServingServiceStub(channels.open(edge.address, timeout=PATIENCE))

    async def requests():
        for _ in range(50):
            yield serving_pb2.StreamPredictRequest()

    try:
        with pytest.raises(PermissionDenied):
            [answer async for answer in stub.StreamPredict(requests())]
    finally:
        await channels.close()


async def test_a_service_that_is_away_is_named_and_its_address_is_not(edge, channel):
    backend = edge.servers[0]
    await backend.stop(0)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await registry_pb2_grpc.RegistryServiceStub(channel).GetModel(
            registry_pb2.GetModelRequest(name="m"), metadata=bearer(edge.issuer.identity.engineer())
        )

    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert "registry" in caught.value.details()
    assert "127.0.0.1" not in caught.value.details()
    assert from_rpc_error(caught.value).retry_after


async def test_a_stream_passes_message_by_message(edge, channel):
    stub = pipeline_pb2_grpc.PipelineOrchestratorServiceStub(channel)
    request = pipeline_pb2.WatchExecutionRequest(execution_id="5", after_sequence=2)

    seen = [
        message.sequence
        async for message in stub.WatchExecution(request, metadata=bearer(edge.issuer.identity.engineer()))
    ]

    assert seen == [3, 4, 5]


@pytest.mark.parametrize("size", [17 * 2**20, 20 * 2**20])
async def test_a_message_over_the_limit_is_refused_by_name(edge, channel, size):
    tensor = inference_pb2.TensorData(data=bytes(size))

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await inference_pb2_grpc.InferenceGatewayServiceStub(channel).Predict(
            inference_pb2.PredictRequest(model_name="m", inputs={"x": tensor}),
            metadata=bearer(edge.issuer.identity.engineer()),
        )

    error = from_rpc_error(caught.value)
    assert (type(error), error.reason) == (ResourceExhausted, "MESSAGE_TOO_LARGE")
    assert [violation.field for violation in error.fields] == ["message"]


@pytest.mark.parametrize(
    ("role", "code"),
    [
        (None, grpc.StatusCode.UNAUTHENTICATED),
        ("job", grpc.StatusCode.PERMISSION_DENIED),
        ("admin", grpc.StatusCode.UNIMPLEMENTED),
    ],
)
async def test_a_service_that_does_not_run_still_asks_who_is_there(edge, channel, role, code):
    metadata = () if role is None else bearer(edge.issuer.identity.token(role=role, team="alpha"))

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await billing_pb2_grpc.BillingServiceStub(channel).GetUsage(billing_pb2.GetUsageRequest(), metadata=metadata)

    assert caught.value.code() is code


@pytest.mark.parametrize("role", ["engineer", "admin"])
async def test_internal_rpcs_are_denied_at_the_edge(edge, channel, role):
    metadata = bearer(edge.issuer.identity.token(role=role, team="alpha"))

    for call in (
        serving_pb2_grpc.ModelServingServiceStub(channel).Predict(serving_pb2.PredictRequest(), metadata=metadata),
        pipeline_pb2_grpc.PipelineOrchestratorServiceStub(channel).ListDeployments(
            pipeline_pb2.ListDeploymentsRequest(), metadata=metadata
        ),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_who_cannot_say_who_he_is_is_refused_before_he_sends_anything(edge, channel):
    waiting = [
        channel.stream_unary(method.path)(timeout=PATIENCE, metadata=metadata)
        for method in all_methods().values()
        if not method.rule.public and not method.server_streaming
        for metadata in ((), bearer("nonsense"))
    ]
    codes = {await call.code() for call in waiting}

    assert codes == {grpc.StatusCode.UNAUTHENTICATED}
    assert not edge.registry.calls


async def test_a_refusal_of_the_gateway_has_details_and_an_id_to_quote(edge, channel):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await registry_pb2_grpc.RegistryServiceStub(channel).GetModel(
            registry_pb2.GetModelRequest(), metadata=(("x-correlation-id", "c-7"),)
        )

    assert from_rpc_error(caught.value).reason == "CREDENTIAL_MISSING"
    assert dict(tuple(caught.value.trailing_metadata()))["x-correlation-id"] == "c-7"


async def test_what_anybody_may_call_takes_eight_kilobytes(edge, channel):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await auth_pb2_grpc.AuthServiceStub(channel).Login(auth_pb2.LoginRequest(password="x" * 9_000))

    assert from_rpc_error(caught.value).reason == "MESSAGE_TOO_LARGE"


async def test_calls_are_counted_by_their_rpc_where_they_end(edge, channel):
    metadata = bearer(edge.issuer.identity.engineer())
    stub = registry_pb2_grpc.RegistryServiceStub(channel)
    await stub.GetModel(registry_pb2.GetModelRequest(name="m"), metadata=metadata)
    for call in (
        stub.GetModel(registry_pb2.GetModelRequest(name="missing"), metadata=metadata),
        stub.GetModel(registry_pb2.GetModelRequest(name="m")),
        serving_pb2_grpc.ModelServingServiceStub(channel).Predict(serving_pb2.PredictRequest(), metadata=metadata),
    ):
        with pytest.raises(grpc.aio.AioRpcError):
            await call

    async with httpx.AsyncClient(timeout=PATIENCE, verify=NO_TLS) as client:
        text = (await client.get(f"{edge.probes}/metrics")).text

    method = "forgepoint.registry.v1.RegistryService/GetModel"
    for code in ("OK", "NOT_FOUND", "UNAUTHENTICATED"):
        assert f'fp_gateway_grpc_requests_total{{code="{code}",method="{method}"}} 1.0' in text
    inner = "forgepoint.serving.v1.ModelServingService/Predict"
    assert f'fp_gateway_grpc_requests_total{{code="PERMISSION_DENIED",method="{inner}"}} 1.0' in text
    assert "fp_gateway_grpc_passed_bytes 0.0" in text


async def test_the_service_logs_the_id_that_the_gateway_logs(edge, channel, caplog):
    with caplog.at_level("INFO", "fp_gateway.access"):
        await registry_pb2_grpc.RegistryServiceStub(channel).GetModel(
            registry_pb2.GetModelRequest(name="m"), metadata=bearer(edge.issuer.identity.engineer())
        )
        await edge.servers[0].stop(0)

    (line,) = [record.fp_fields for record in caplog.records if record.name == "fp_gateway.access"]
    assert line["call_correlation_id"] == edge.registry.calls[0].correlation_id
    assert (line["method"], line["code"]) == ("/forgepoint.registry.v1.RegistryService/GetModel", "OK")
