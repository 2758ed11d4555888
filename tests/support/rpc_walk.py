"""Every RPC of the platform from the outside: what its Access option says of a caller, and what calling it answers."""

import asyncio
import json
from contextlib import suppress

import grpc
import pytest
import pytest_asyncio
from early_end import answered
from forgepoint.auth.v1 import auth_pb2, auth_pb2_grpc
from forgepoint.common.v1 import access_pb2
from fp_gateway.methods import all_methods
from fp_kernel.identity import grants
from fp_rpc.identity.caller import on_behalf_headers
from fp_testkit.patience import PATIENCE
from google.protobuf import message_factory
from google.protobuf.duration_pb2 import Duration

METHODS = sorted(all_methods().values(), key=lambda method: method.path)
UNAUTHENTICATED, DENIED = grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED
# What lets nobody in: a handler answers anything else to an empty request.
REFUSALS = {UNAUTHENTICATED, DENIED}
# They run no resident process: the gateway judges their RPCs, and answers those of the platform.
AT_THE_GATEWAY = {"ai", "serving", "platform"}


def access(method):
    return method.descriptor.GetOptions().Extensions[access_pb2.access]


# One of each service that judges its caller, and answers once. Those for services alone are judged by the gateway when
# they come by the edge, which then is another process than the one that judges the others of their service.
READERS = {
    (m.noun, access(m).internal): m
    for m in METHODS
    if not (access(m).public or m.client_streaming or m.server_streaming)
}


def lets_in(rule, scopes, *, service="", job=False, login=False):
    """What the option says of a caller with a valid credential. login: whether it is a person's login."""
    if rule.internal and service not in rule.callers:
        return False
    if job and not rule.jobs:
        return False
    if rule.login and not login:
        return False
    return rule.authenticated or grants(frozenset(scopes), rule.permission)


async def status(channel, method, token=None, request=None):
    """The code of a call, with an empty request unless one is given; OK as such of a stream that was let in and has
    nothing to say.
    """
    metadata = (("authorization", f"Bearer {token}"),) if token else ()
    request = (request or message_factory.GetMessageClass(method.descriptor.input_type)()).SerializeToString()
    shape = f"{'stream' if method.client_streaming else 'unary'}_{'stream' if method.server_streaming else 'unary'}"

    async def call():
        body = iter([request]) if method.client_streaming else request
        running = getattr(channel, shape)(method.path)(body, metadata=metadata, timeout=PATIENCE)
        if not method.server_streaming:
            return await running
        first = asyncio.ensure_future(anext(aiter(running), None))
        overtaken = asyncio.ensure_future(_overtaken(channel, method, metadata))
        await asyncio.wait({first, overtaken}, return_when=asyncio.FIRST_COMPLETED)
        if not first.done():
            running.cancel()
        overtaken.cancel()
        await asyncio.wait({first, overtaken})
        return None if first.cancelled() else first.result()

    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await answered(call)
            except grpc.aio.AioRpcError as error:
                if _held_back(error):
                    await asyncio.sleep(0.2)
                    continue
                return error.code()
            return grpc.StatusCode.OK


def _held_back(error):
    """Whether the edge has had enough of this address for now; other refusals of this code name what there is too much
    of.
    """
    return (error.code(), error.details()) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "too many calls of this address")


async def _overtaken(channel, stream, metadata):
    """Returns when calls of the same service, made after the stream one after the other, were answered: who calls is
    judged before anything else, and so the stream's caller has been. Five were once quicker than a refusal on a busy
    machine.
    """
    reader = READERS[stream.noun, access(stream).internal]
    body = message_factory.GetMessageClass(reader.descriptor.input_type)().SerializeToString()
    for _ in range(25):
        with suppress(grpc.aio.AioRpcError):
            await channel.unary_unary(reader.path)(body, metadata=metadata, timeout=PATIENCE)


async def statuses(channel_of, token):
    """What each RPC but the public ones answers; several at once."""
    methods = [method for method in METHODS if not access(method).public]
    at_once = asyncio.Semaphore(8)

    async def one(method):
        async with at_once:
            return await status(channel_of(method), method, token)

    return list(zip(methods, await asyncio.gather(*map(one, methods)), strict=True))


async def let_in(channel_of, token):
    """The RPCs that answer a credential that is worth nothing otherwise than with UNAUTHENTICATED."""
    return {method.path: code for method, code in await statuses(channel_of, token) if code is not UNAUTHENTICATED}


async def ended_everywhere(channel, token):
    """Returns when each service refuses the credential."""
    async with asyncio.timeout(PATIENCE):
        for method in READERS.values():
            while await status(channel, method, token) is not UNAUTHENTICATED:
                await asyncio.sleep(0.05)


@pytest_asyncio.fixture
async def channel(platform):
    async with grpc.aio.insecure_channel(platform.access.address) as opened:
        yield opened


@pytest_asyncio.fixture
async def direct(platform, channel):
    """The channel on which services reach the service of an RPC."""
    ports = json.loads((platform.folder / "ports.json").read_text())
    opened = {}

    def of(method):
        if method.noun in AT_THE_GATEWAY:
            return channel
        if method.noun not in opened:
            opened[method.noun] = grpc.aio.insecure_channel(f"127.0.0.1:{ports[f'{method.noun}.grpc']}")
        return opened[method.noun]

    yield of
    for each in opened.values():
        await each.close()


@pytest.fixture
def exchange(platform, direct):
    """`await exchange("pipeline")`: the service's own token, as auth gives it."""
    secrets = json.loads((platform.folder / "secrets.json").read_text())
    auth = next(method for method in METHODS if method.noun == "auth")

    async def token(noun, audience=""):
        stub = auth_pb2_grpc.AuthServiceStub(direct(auth))
        request = auth_pb2.ExchangeServiceTokenRequest(
            service=noun, secret=secrets[f"service.{noun}"], audience=audience
        )
        return (await stub.ExchangeServiceToken(request)).access_token

    return token


@pytest.fixture
def job_token(direct, exchange):
    """`await job_token("id")`: the token of a job of this execution, of the first team unless it names another.

    user: for whom it runs.
    """
    auth = next(method for method in METHODS if method.noun == "auth")

    async def issue(execution_id, team="platform", user=""):
        acting = on_behalf_headers(team, user)
        metadata = (("authorization", f"Bearer {await exchange('pipeline')}"), *acting)
        request = auth_pb2.IssueJobTokenRequest(execution_id=execution_id, step_id="s", ttl=Duration(seconds=3_600))
        stub = auth_pb2_grpc.AuthServiceStub(direct(auth))
        return (await stub.IssueJobToken(request, metadata=metadata)).access_token

    return issue
