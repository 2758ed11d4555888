"""What a call leaves behind: metrics, correlation, one trace."""

import asyncio

import pytest
from fp_kernel import NotFound
from fp_rpc import BearerToken, Channels, current_call
from fp_telemetry import Metrics, correlation_id, inject, setup
from fp_testkit.patience import PATIENCE
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

NAMES = ("One", "Out", "In", "Both")
TRACE = "0af7651916cd43dd8448eb211c80319c"


async def requests(shapes):
    yield shapes.pb.Request(text="x")


async def finish(stub, shapes, method, **options):
    started = getattr(stub, method)(
        requests(shapes) if method in ("In", "Both") else shapes.pb.Request(text="x"), **options
    )
    return [answer async for answer in started] if method in ("Out", "Both") else await started


def label(method):
    return f"forgepoint.rpctest.v1.ShapesService/{method}"


@pytest.fixture
def spans():
    exporter = InMemorySpanExporter()
    telemetry = setup("test", exporter=exporter)
    yield exporter
    telemetry.shutdown()


@pytest.mark.parametrize("method", NAMES)
async def test_a_call_is_counted_and_timed_under_its_method_and_code(serve, shapes, keys, scripted, method):
    running = await serve()

    await finish(running.stub(keys.sign()), shapes, method)

    assert running.sample("grpc_requests_total", method=label(method), code="OK") == 1
    assert running.sample("grpc_duration_seconds_count", method=label(method)) == 1
    assert running.sample("grpc_duration_seconds_bucket", method=label(method), le="+Inf") == 1
    assert running.sample("grpc_in_flight") == 0


@pytest.mark.parametrize("method", NAMES)
async def test_a_refused_call_is_counted_under_its_code(serve, shapes, keys, method):
    running = await serve()

    with pytest.raises(Exception, match="permission"):
        await finish(running.stub(keys.sign(scopes=[])), shapes, method)

    assert running.sample("grpc_requests_total", method=label(method), code="PERMISSION_DENIED") == 1


async def test_a_running_call_is_in_flight(serve, shapes, keys, scripted):
    entered, go = asyncio.Event(), asyncio.Event()

    async def waiting(request, context):
        entered.set()
        await go.wait()
        return shapes.pb.Response()

    scripted.one = waiting
    running = await serve()
    call = asyncio.ensure_future(running.stub(keys.sign()).One(shapes.pb.Request()))
    await entered.wait()

    assert running.sample("grpc_in_flight") == 1
    go.set()
    await call
    assert running.sample("grpc_in_flight") == 0


async def test_calls_beyond_the_limit_are_refused_with_a_retry_delay(serve, shapes, keys, scripted, make_policy):
    entered, go = asyncio.Event(), asyncio.Event()

    async def waiting(request, context):
        entered.set()
        await go.wait()
        return shapes.pb.Response()

    scripted.one = waiting
    stub = (await serve(policy=make_policy(max_concurrent_rpcs=1))).stub(keys.sign())
    first = asyncio.ensure_future(stub.One(shapes.pb.Request()))
    await entered.wait()

    with pytest.raises(Exception, match="too many calls") as refused:
        await stub.One(shapes.pb.Request())

    assert refused.value.reason == "TOO_MANY_CALLS"
    assert refused.value.retry_after == 1.0
    go.set()
    await first


async def test_the_correlation_id_comes_in_and_goes_on(serve, shapes, keys, scripted, bearer):
    async def behind(request, context):
        return shapes.pb.Response(text=current_call().correlation_id)

    scripted.one = behind
    back = await serve()
    stub = back.stub(keys.sign())

    async def front(request, context):
        assert correlation_id.get() == current_call().correlation_id
        return await stub.One(request) if request.text else shapes.pb.Response(text=current_call().correlation_id)

    class Front(type(scripted)):
        one = staticmethod(front)

    plain = (await serve(Front())).plain()

    given = await plain.One(
        shapes.pb.Request(text="x"), metadata=bearer(keys.sign(), x_correlation_id="given by the caller!")
    )
    fit = await plain.One(shapes.pb.Request(text="x"), metadata=bearer(keys.sign(), x_correlation_id="order:7"))

    assert fit.text == "order:7"
    assert len(given.text) == 36


async def test_a_call_without_ids_gets_new_ones(serve, shapes, keys, scripted):
    async def ids(request, context):
        return shapes.pb.Response(text=f"{current_call().request_id} {current_call().correlation_id}")

    scripted.one = ids
    stub = (await serve()).stub(keys.sign())

    first = (await stub.One(shapes.pb.Request())).text.split()
    second = (await stub.One(shapes.pb.Request(), metadata=(("x-request-id", "r-1"),))).text.split()

    assert first[0] == first[1] != ""
    assert second == ["r-1", "r-1"]


async def test_a_handler_knows_its_call(serve, shapes, keys, scripted):
    seen = []

    async def look(request, context):
        seen.append(current_call())
        return shapes.pb.Response()

    scripted.one = look
    await (await serve()).stub(keys.sign()).One(shapes.pb.Request(), timeout=PATIENCE, metadata=(("x-own", "1"),))

    (call,) = seen
    assert call.method == "/forgepoint.rpctest.v1.ShapesService/One"
    assert call.peer.startswith("ipv4:127.0.0.1:")
    # gRPC rounds time-outs up on the wire.
    assert 0 < call.remaining() <= 1.1 * PATIENCE
    assert call.metadata["x-own"] == "1"
    assert call.team == "red"


@pytest.mark.parametrize("method", NAMES)
async def test_one_trace_goes_through_client_server_and_the_next_call(serve, shapes, keys, scripted, spans, method):
    back = (await serve()).stub(keys.sign())
    inner = type(scripted)()

    async def one(request, context):
        return await back.One(shapes.pb.Request())

    async def out(request, context):
        yield await back.One(shapes.pb.Request())

    inner.one = inner.in_ = one
    inner.out = inner.both = out
    front = await serve(inner)

    await finish(front.stub(keys.sign()), shapes, method)

    found = spans.get_finished_spans()
    assert len({span.context.trace_id for span in found}) == 1
    kinds = sorted((span.kind.name, span.name.rpartition("/")[2]) for span in found)
    assert kinds == sorted([("CLIENT", method), ("SERVER", method), ("CLIENT", "One"), ("SERVER", "One")])
    by_id = {span.context.span_id: span for span in found}
    server_side = next(span for span in found if span.kind is SpanKind.SERVER and span.name.endswith(method))
    assert by_id[server_side.parent.span_id].kind is SpanKind.CLIENT
    assert all(span.attributes["rpc.response.status_code"] == "OK" for span in found)


@pytest.mark.parametrize("method", NAMES)
async def test_a_crash_marks_the_spans_of_both_sides(serve, shapes, keys, scripted, spans, method):
    async def broken(request, context):
        raise RuntimeError

    async def broken_stream(request, context):
        raise RuntimeError
        yield

    scripted.one = scripted.in_ = broken
    scripted.out = scripted.both = broken_stream
    stub = (await serve()).stub(keys.sign())

    with pytest.raises(Exception, match="internal error"):
        await finish(stub, shapes, method)

    found = {span.kind: span for span in spans.get_finished_spans()}
    assert found[SpanKind.SERVER].status.status_code is StatusCode.ERROR
    assert found[SpanKind.CLIENT].status.status_code is StatusCode.ERROR
    assert found[SpanKind.SERVER].events[0].attributes["exception.type"] == "RuntimeError"


async def test_an_error_of_the_caller_marks_only_the_span_of_the_caller(serve, shapes, keys, scripted, spans):
    async def missing(request, context):
        raise NotFound("no such thing")

    scripted.one = missing
    stub = (await serve()).stub(keys.sign())

    with pytest.raises(NotFound):
        await stub.One(shapes.pb.Request())

    found = {span.kind: span for span in spans.get_finished_spans()}
    assert found[SpanKind.SERVER].status.status_code is StatusCode.UNSET
    assert found[SpanKind.CLIENT].status.status_code is StatusCode.ERROR


async def test_a_passed_deadline_marks_the_server_span(serve, shapes, keys, scripted, spans, until):
    entered = asyncio.Event()

    async def slow(request, context):
        entered.set()
        await asyncio.Event().wait()

    scripted.one = slow
    stub = (await serve()).stub(keys.sign(), timeout=1.0)

    def of_the_server():
        return [span for span in spans.get_finished_spans() if span.kind is SpanKind.SERVER]

    for _ in range(10):
        with pytest.raises(Exception, match="deadline"):
            await stub.One(shapes.pb.Request())
        # On a busy machine it may be over before the call has reached the server.
        if entered.is_set():
            break

    await until(of_the_server)
    server_side = of_the_server()[0]
    assert server_side.status.status_code is StatusCode.ERROR
    assert server_side.attributes["rpc.response.status_code"] == "DEADLINE_EXCEEDED"


async def test_a_trace_goes_on_through_a_process_that_records_nothing(serve, shapes, keys, scripted, bearer):
    async def carried(request, context):
        carrier = {}
        inject(carrier)
        return shapes.pb.Response(text=carrier.get("traceparent", "none"))

    scripted.one = carried
    plain = (await serve()).plain()
    traceparent = f"00-{TRACE}-b7ad6b7169203331-01"

    answer = await plain.One(shapes.pb.Request(), metadata=bearer(keys.sign(), traceparent=traceparent))
    malformed = await plain.One(shapes.pb.Request(), metadata=bearer(keys.sign(), traceparent="00-zz"))

    assert answer.text == traceparent
    assert malformed.text == "none"


async def test_servers_and_channels_of_one_service_share_its_counts(serve, shapes, keys):
    running = await serve()
    metrics = Metrics("caller")
    stubs = [running.stub_of(Channels(BearerToken(keys.sign()), metrics=metrics)) for _ in range(2)]

    for stub in stubs:
        await stub.One(shapes.pb.Request())

    labels = {"method": label("One"), "code": "OK"}
    assert metrics.registry.get_sample_value("fp_caller_grpc_client_requests_total", labels) == 2


async def test_sent_calls_are_counted_where_metrics_are_given(serve, shapes, keys):
    running = await serve()
    metrics = Metrics("caller")
    stub = running.stub_of(Channels(BearerToken(keys.sign()), metrics=metrics))

    await stub.One(shapes.pb.Request())
    with pytest.raises(Exception, match="permission"):
        await stub.Write(shapes.pb.Request())

    def sample(method, code):
        return metrics.registry.get_sample_value(
            "fp_caller_grpc_client_requests_total", {"method": label(method), "code": code}
        )

    assert sample("One", "OK") == 1
    assert sample("Write", "PERMISSION_DENIED") == 1
