"""Somebody whose credentials end in the middle of what he does."""

import asyncio

import pytest
from fp_kernel import Unauthenticated, Unavailable
from fp_rpc import CredentialResolver, Withdrawal, Withdrawals
from fp_testkit.patience import PATIENCE

LATER = 10.0**10


class NoKeys:
    async def resolve(self, credential):
        raise Unavailable("no keys here")


@pytest.fixture
def withdrawals():
    async def nothing():
        return []

    return Withdrawals(nothing)


@pytest.fixture
async def running(serve, resolver, withdrawals):
    return await serve(resolver=CredentialResolver(resolver, NoKeys(), withdrawals))


@pytest.fixture
def open_streams(shapes, scripted, running):
    """Opens a stream of the shape with the token; it answered once and stays open."""

    async def endless(request, context):
        yield shapes.pb.Response(text="first")
        await asyncio.Event().wait()

    scripted.out = scripted.both = endless

    async def begin(method, token):
        stub = running.stub(token)
        call = stub.Out(shapes.pb.Request()) if method == "Out" else stub.Both()
        async with asyncio.timeout(PATIENCE):
            assert (await call.read()).text == "first"
        return call

    return begin


@pytest.mark.parametrize("method", ["Out", "Both"])
async def test_an_open_stream_of_a_disabled_user_ends_and_a_colleagues_goes_on(
    open_streams, running, keys, withdrawals, method
):
    his = await open_streams(method, keys.sign(sub="ann"))
    colleagues = await open_streams(method, keys.sign(sub="bob"))
    reading = asyncio.ensure_future(colleagues.read())

    withdrawals.add(Withdrawal("user", "ann", 1, until=LATER))

    with pytest.raises(Unauthenticated) as ended:
        async with asyncio.timeout(PATIENCE):
            await his.read()
    assert ended.value.reason == "IDENTITY_ENDED"
    assert not reading.done()
    reading.cancel()


@pytest.mark.parametrize(
    ("kind", "identity", "claims"),
    [
        ("team", "red", {}),
        ("session", "s-1", {"sid": "s-1"}),
        ("execution", "run-1", {"role": "job", "execution_id": "run-1"}),
        ("signing_key", "one", {}),
    ],
)
async def test_an_open_stream_ends_with_whatever_its_token_stands_on(
    open_streams, keys, withdrawals, kind, identity, claims
):
    call = await open_streams("Out", keys.sign(**claims))
    withdrawals.add(Withdrawal(kind, identity, 1, until=LATER))
    with pytest.raises(Unauthenticated):
        async with asyncio.timeout(PATIENCE):
            await call.read()


async def test_the_next_call_is_refused_though_its_token_was_verified_before(running, shapes, keys, withdrawals):
    stub = running.stub(keys.sign(sub="ann"))
    await stub.One(shapes.pb.Request())

    withdrawals.add(Withdrawal("user", "ann", 1, until=LATER))

    with pytest.raises(Unauthenticated) as refused:
        await stub.One(shapes.pb.Request())
    assert refused.value.reason == "IDENTITY_ENDED"
