"""The service credential against an auth that can be away."""

import asyncio
from datetime import UTC, datetime, timedelta

import grpc
import pytest
import pytest_asyncio
from forgepoint.auth.v1 import auth_pb2, auth_pb2_grpc
from fp_kernel import Unavailable
from fp_rpc import BearerToken, ForwardedToken, ServiceCredential
from fp_rpc.server.incoming_call import Call, enter
from fp_testkit.patience import PATIENCE

LIFE = 900


class Time:
    def __init__(self):
        self.seconds = 0.0

    def now(self):
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self):
        return self.seconds


class Auth(auth_pb2_grpc.AuthServiceServicer):
    def __init__(self, clock):
        self._clock = clock
        self.exchanges = []
        self.fails_with = None
        self.waits = None

    async def ExchangeServiceToken(self, request, context):
        self.exchanges.append((request.service, request.secret))
        if self.waits:
            await self.waits.wait()
        if self.fails_with:
            await context.abort(self.fails_with, "no")
        answer = auth_pb2.ExchangeServiceTokenResponse(access_token=f"token-{len(self.exchanges)}")
        answer.expires_at.FromDatetime(self._clock.now() + timedelta(seconds=LIFE))
        return answer


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def auth(time):
    return Auth(time)


@pytest_asyncio.fixture
async def credential(auth, time):
    server = grpc.aio.server()
    auth_pb2_grpc.add_AuthServiceServicer_to_server(auth, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    credential = ServiceCredential("registry", "s3cret", f"127.0.0.1:{port}", clock=time)
    yield credential
    await credential.close()
    await server.stop(None)


async def renewed(credential):
    """Let the exchange end that runs beside the calls."""
    async with asyncio.timeout(PATIENCE):
        while credential._tokens._running:
            await asyncio.sleep(0.001)


async def test_a_secret_is_exchanged_once_for_many_calls(credential, auth):
    tokens = await asyncio.gather(*(credential.token() for _ in range(5)))

    assert set(tokens) == {"token-1"}
    assert auth.exchanges == [("registry", "s3cret")]


async def test_a_token_is_renewed_ahead_of_its_end(credential, auth, time):
    await credential.token()
    time.seconds = LIFE * 2 / 3 - 1
    assert await credential.token() == "token-1"

    time.seconds = LIFE * 2 / 3
    await credential.token()
    await renewed(credential)

    assert await credential.token() == "token-2"


async def test_a_good_token_is_not_waited_for_while_auth_is_silent(credential, auth, time):
    await credential.token()
    time.seconds = LIFE * 2 / 3
    auth.waits = asyncio.Event()

    assert [await credential.token() for _ in range(3)] == ["token-1"] * 3

    auth.waits.set()
    await renewed(credential)
    assert await credential.token() == "token-2"


async def test_all_who_wait_for_a_token_share_one_exchange_and_its_failure(credential, auth):
    auth.waits, auth.fails_with = asyncio.Event(), grpc.StatusCode.UNAVAILABLE
    waiting = [asyncio.ensure_future(credential.token()) for _ in range(6)]
    while not auth.exchanges:
        await asyncio.sleep(0)
    auth.waits.set()

    failures = await asyncio.gather(*waiting, return_exceptions=True)

    assert {type(failure) for failure in failures} == {Unavailable}
    assert len(auth.exchanges) == 1


async def test_while_auth_is_away_a_token_is_used_to_its_end(credential, auth, time):
    await credential.token()
    auth.fails_with = grpc.StatusCode.UNAVAILABLE
    time.seconds = LIFE - 1
    assert await credential.token() == "token-1"

    time.seconds = LIFE

    with pytest.raises(Unavailable) as away:
        await credential.token()
    assert away.value.reason == "NO_SERVICE_TOKEN"


async def test_auth_is_asked_again_only_after_a_pause(credential, auth, time):
    await credential.token()
    auth.fails_with = grpc.StatusCode.UNAVAILABLE
    time.seconds = LIFE * 2 / 3

    for _ in range(5):
        await credential.token()
        await renewed(credential)

    assert len(auth.exchanges) == 2


async def test_a_service_without_a_token_recovers_when_auth_is_there(credential, auth, time):
    auth.fails_with = grpc.StatusCode.UNAVAILABLE
    with pytest.raises(Unavailable):
        await credential.token()

    auth.fails_with = None
    time.seconds = 0.2

    assert await credential.token() == "token-2"


async def test_a_refused_secret_is_a_fault_of_the_installation_and_logged(credential, auth, caplog):
    auth.fails_with = grpc.StatusCode.UNAUTHENTICATED

    with pytest.raises(Unavailable):
        await credential.token()

    assert "auth refuses the credential of this service" in caplog.text
    assert "s3cret" not in caplog.text


async def test_a_refused_token_is_forgotten_unless_it_is_new(credential, auth, time):
    token = await credential.token()
    assert not credential.refused(token)

    time.seconds = 10

    assert credential.refused(token)
    assert await credential.token() == "token-2"
    assert credential.refused(token)
    assert await credential.token() == "token-2"


async def test_a_forwarded_token_is_the_one_that_came():
    assert await ForwardedToken().token() == ""
    enter(Call("/x/Y", rule=None, metadata={"authorization": "Bearer came"}))

    assert await ForwardedToken().token() == "came"
    assert not ForwardedToken().refused("came")
    assert not BearerToken("x").refused("x")
