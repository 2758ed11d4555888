"""What becomes of a peer's error on its way through a service: A calls B, and B calls C."""

import asyncio

import grpc
import pytest
import pytest_asyncio
from fp_kernel import (
    DeadlineExceeded,
    Error,
    Internal,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Unavailable,
    Unimplemented,
    invalid,
)
from fp_rpc import BearerToken, acting_for
from fp_rpc.server.incoming_call import current_call
from fp_testkit.patience import PATIENCE


class OwnToken(BearerToken):
    """The identity of a service, without auth."""

    acts_for_others = True


@pytest_asyncio.fixture
async def chain(serve, peer, connect, shapes, keys, scripted):
    """B, which forwards `text` as the name of a method to C; `ran` counts B's handlers."""

    class Chain:
        ran = 0

        def link(self, **options):
            self.inner = connect(peer.address, credential=OwnToken(keys.service("b")), **options)

        async def forward(self, request, context):
            self.ran += 1
            await getattr(self.inner, request.text or "Write")(shapes.pb.Request())
            return shapes.pb.Response()

    chain = Chain()
    chain.link()
    scripted.one = chain.forward
    chain.front = (await serve()).stub(keys.service("a", scopes=["models:*"]))
    return chain


async def test_a_write_runs_once_in_the_middle_whatever_its_peer_promises(chain, peer, shapes):
    peer.script = [Unavailable("warming up", retry_after=0.0) for _ in range(9)]

    with pytest.raises(Unavailable) as refused:
        await chain.front.Write(shapes.pb.Request())

    assert (chain.ran, len(peer.calls)) == (1, 1)
    assert refused.value.retry_after is None


@pytest.mark.parametrize("method", ["One", "Write"])
async def test_a_promise_of_a_peer_is_kept_where_a_repeat_does_no_harm(chain, peer, shapes, method):
    peer.script = [Unavailable("later", retry_after=30.0)]

    with pytest.raises(Unavailable) as refused:
        await getattr(chain.front, method)(shapes.pb.Request(idempotency_key="k" if method == "Write" else ""))

    assert refused.value.retry_after == 30.0


@pytest.mark.parametrize(
    ("inner", "outer"),
    [
        (invalid("inner_field", "must be a UUID"), Internal),
        (PermissionDenied("only services", reason="INTERNAL_ONLY"), Internal),
        (Unimplemented("not yet"), Unavailable),
        (DeadlineExceeded("too slow"), Unavailable),
    ],
)
async def test_a_fault_of_the_service_is_not_told_as_one_of_its_caller(chain, peer, shapes, caplog, inner, outer):
    peer.script = [inner]

    with pytest.raises(Error) as raised:
        await chain.front.One(shapes.pb.Request())

    assert type(raised.value) is outer
    assert (raised.value.fields, inner.message in raised.value.message) == ((), False)
    assert "call failed" in caplog.text
    assert any(inner.message in repr(vars(record)) for record in caplog.records)


@pytest.mark.parametrize("inner", [invalid("name", "is taken"), PermissionDenied("no"), DeadlineExceeded("slow")])
async def test_what_a_service_passes_by_name_reaches_its_caller(chain, peer, shapes, inner):
    chain.link(passing=(InvalidArgument, PermissionDenied, DeadlineExceeded))
    peer.script = [inner]

    with pytest.raises(type(inner)) as raised:
        await chain.front.One(shapes.pb.Request())

    assert (raised.value.message, raised.value.fields) == (inner.message, inner.fields)


async def test_what_blames_nobody_passes_by_itself(chain, peer, shapes):
    peer.script = [NotFound("it is gone", reason="GONE")]

    with pytest.raises(NotFound) as raised:
        await chain.front.One(shapes.pb.Request())

    assert raised.value.reason == "GONE"


async def test_the_callers_own_deadline_stays_his(chain, peer, shapes):
    peer.script = [asyncio.Event()]

    with pytest.raises(DeadlineExceeded):
        await chain.front.One(shapes.pb.Request(), timeout=0.3)


async def test_a_client_of_its_own_hears_what_the_peer_said(peer, connect, shapes):
    stub = connect(peer.address, credential=BearerToken("of a person"))
    peer.script = [invalid("name", "is taken")]

    with pytest.raises(InvalidArgument, match="is taken"):
        await stub.Write(shapes.pb.Request())


class Silent(BearerToken):
    """A credential whose token does not come, of a service."""

    acts_for_others = True

    def ready(self):
        return None

    async def token(self):
        await asyncio.get_running_loop().create_future()


@pytest.mark.parametrize("method", ["Write", "Out"])
async def test_waiting_for_a_token_counts_in_the_time_of_the_call(connect, shapes, method):
    stub = connect("127.0.0.1:1", credential=Silent(""))

    async def call():
        running = getattr(stub, method)(shapes.pb.Request(), timeout=0.05)
        await (running.read() if method == "Out" else running)

    async with asyncio.timeout(PATIENCE):
        outcomes = await asyncio.gather(*(call() for _ in range(6)), return_exceptions=True)

    assert {type(outcome) for outcome in outcomes} == {Unavailable}


@pytest.mark.parametrize("end", ["call.cancel", "task.cancel"])
async def test_a_call_that_is_cancelled_before_it_has_a_token_is_counted_and_never_sent(peer, shapes, connect, end):
    from fp_telemetry import Metrics  # noqa: PLC0415

    metrics, gate = Metrics("caller"), asyncio.Event()

    class Slow(BearerToken):
        def ready(self):
            return None

        async def token(self):
            await gate.wait()
            return "t"

    call = connect(peer.address, credential=Slow(""), metrics=metrics).One(shapes.pb.Request())
    task = asyncio.ensure_future(call)
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert (call if end == "call.cancel" else task).cancel()
    gate.set()
    await asyncio.wait([task])

    labels = {"method": "forgepoint.rpctest.v1.ShapesService/One", "code": "CANCELLED"}
    assert task.cancelled()
    assert metrics.registry.get_sample_value("fp_caller_grpc_client_requests_total", labels) == 1
    assert peer.calls == []


@pytest.mark.parametrize("shape", ["One", "Out", "In", "Both"])
async def test_a_handler_that_meets_the_cancellation_of_another_answers(serve, shapes, keys, scripted, caplog, shape):
    shared = asyncio.get_running_loop().create_future()
    shared.cancel("by another request")

    async def single(request, context):
        await shared

    async def many(request, context):
        await shared
        yield

    scripted.one = scripted.in_ = single
    scripted.out = scripted.both = many
    running = await serve()
    call = getattr(running.plain(), shape)
    arguments = [shapes.pb.Request()] if shape in ("One", "Out") else []
    calling = call(*arguments, metadata=(("authorization", f"Bearer {keys.sign()}"),), timeout=PATIENCE)

    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await (calling.read() if shape in ("Out", "Both") else calling)

    assert failed.value.code() is grpc.StatusCode.INTERNAL
    assert failed.value.details() == "internal error"
    assert "CancelledError" in caplog.text


async def test_a_task_that_outlives_its_call_acts_for_nobody_until_it_says_for_whom(
    serve, peer, connect, shapes, keys, scripted
):
    stub, go, left = connect(peer.address, credential=OwnToken(keys.service("b"))), asyncio.Event(), []

    async def later():
        await go.wait()
        with pytest.raises(Internal, match="acting_for"):
            await stub.Write(shapes.pb.Request())
        with acting_for("blue"):
            await stub.Write(shapes.pb.Request())

    async def handler(request, context):
        left.append(asyncio.get_running_loop().create_task(later()))
        return shapes.pb.Response(text=current_call().team)

    scripted.one = handler
    front = (await serve()).stub(keys.sign())
    assert (await front.One(shapes.pb.Request(), timeout=PATIENCE)).text == "red"

    go.set()
    await left[0]

    (metadata, remaining) = peer.calls[0]
    assert metadata["fp-on-behalf-of-team"] == "blue"
    assert remaining > 1.0
