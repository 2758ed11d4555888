"""Credentials that look right and are worth nothing, at Envoy itself, in front of a service that tells them."""

import asyncio

import grpc
import httpx
import pytest
from forgepoint.auth.v1 import auth_pb2, auth_pb2_grpc
from forgepoint.registry.v1 import registry_pb2, registry_pb2_grpc
from fp_kernel import Principal, Unauthenticated, Unavailable
from fp_rpc import NoAudit, Server
from fp_telemetry import Metrics
from fp_testkit.edge_process import EdgeProcess
from fp_testkit.http import NO_TLS
from fp_testkit.patience import PATIENCE

LIST = "/forgepoint.registry.v1.RegistryService/ListModels"
LOGIN = "/forgepoint.auth.v1.AuthService/Login"
STRANGER, OTHER = ("x-forwarded-for", "203.0.113.7"), ("x-forwarded-for", "203.0.113.8")
RATE, BURST, THREADS = 1, 4, 1
REFUSED, HELD_BACK = grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.RESOURCE_EXHAUSTED
OK = grpc.StatusCode.OK


class Judge:
    """Refuses credentials that begin with `false`, cannot judge `unknown`, and comes to no end with `slow`."""

    def __init__(self):
        self.asked = 0

    async def resolve(self, credential, *, audience=""):
        if audience:
            raise Unauthenticated("it proves no address")
        self.asked += 1
        if credential.startswith("false"):
            raise Unauthenticated("it is worth nothing", reason="TOKEN_INVALID")
        if credential.startswith("unknown"):
            raise Unavailable("auth is away")
        if credential.startswith("slow"):
            await asyncio.Event().wait()
        return Principal("user", "alpha", "viewer", frozenset({"models:read"}), expires_at=2**40)


class Models(registry_pb2_grpc.RegistryServiceServicer):
    async def ListModels(self, request, context):
        return registry_pb2.ListModelsResponse()


class Logins(auth_pb2_grpc.AuthServiceServicer):
    async def Login(self, request, context):
        return auth_pb2.LoginResponse()


@pytest.fixture
async def service():
    """A server as every service has it."""
    judge = Judge()
    server = Server("registry", resolver=judge, metrics=Metrics("registry"), audit=NoAudit())
    server.add(registry_pb2_grpc.add_RegistryServiceServicer_to_server, Models())
    server.add(auth_pb2_grpc.add_AuthServiceServicer_to_server, Logins())
    judge.address = f"127.0.0.1:{await server.start('127.0.0.1:0')}"
    server.set_serving(True)
    yield judge
    await server.stop(0)


@pytest.fixture
async def web():
    """The gateway's HTTP: 401 for `false`, and 200 else."""

    async def serve(reader, writer):
        while head := await reader.readuntil(b"\r\n\r\n"):
            status = b"401 Unauthorized" if b"Bearer false" in head else b"200 OK"
            writer.write(b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\n\r\n")

    async def quietly(reader, writer):
        try:
            await serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(quietly, "127.0.0.1", 0)
    yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


@pytest.fixture
async def edge(tmp_path, service, web):
    """With one proxy in front of it that is trusted, so that a test is any client that it wants to be."""
    behind = {"registry": service.address, "auth": service.address, "gateway": service.address, "gateway_http": web}
    rates = {"FP_EDGE_REFUSED_RATE": str(RATE), "FP_EDGE_PUBLIC_RATE": "1000", "FP_EDGE_WORKERS": str(THREADS)}
    process = EdgeProcess(tmp_path, behind, FP_EDGE_TRUSTED_HOPS="1", **rates)
    await process.start()
    yield process
    await process.stop()


@pytest.fixture
async def code_of(edge):
    """`await code_of("false-1")`: what a call with this credential is answered."""
    async with grpc.aio.insecure_channel(edge.address) as channel:

        async def call(credential, client=STRANGER, path=LIST):
            headers = (client, ("authorization", f"Bearer {credential}")) if credential else (client,)
            try:
                await channel.unary_unary(path)(b"", metadata=headers, timeout=PATIENCE)
            except grpc.aio.AioRpcError as error:
                return error.code()
            return OK

        yield call


async def used_up(code_of, client=STRANGER):
    """Calls with false credentials until the edge holds them back; how many were refused before."""
    async with asyncio.timeout(PATIENCE):
        for number in range(1_000):
            code = await code_of(f"false-{number}-{'x' * 60}{number}", client)
            if code is HELD_BACK:
                return number
            assert code is REFUSED
    raise AssertionError("nobody is held back")


async def test_a_stranger_with_false_credentials_reaches_no_service_any_more(code_of, service):
    reached = await used_up(code_of)

    assert reached >= BURST
    before = service.asked
    codes = [await code_of(f"false-{number}") for number in range(200)]
    # A second that begins meanwhile brings a token.
    assert set(codes) <= {HELD_BACK, REFUSED}
    assert service.asked - before == codes.count(REFUSED)


async def test_others_are_served_meanwhile_and_those_behind_his_address_who_were_known(code_of):
    assert await code_of("good-one") is OK
    await code_of("false-first")
    assert [await code_of("good-one"), await code_of("good-two")] == [OK, OK]
    await used_up(code_of)

    for _ in range(50):
        assert await code_of("good-one") is OK
        assert await code_of("good-two") is OK
        assert await code_of("never-seen", OTHER) is OK
    assert await code_of("", path=LOGIN) is OK


async def test_a_credential_that_nobody_could_judge_is_not_taken_for_a_good_one(code_of):
    await code_of("false-first")
    assert await code_of("unknown-one") is grpc.StatusCode.UNAVAILABLE
    codes = [await code_of("unknown-one") for _ in range(200)]

    # Nor is it counted as refused.
    assert set(codes) == {grpc.StatusCode.UNAVAILABLE}
    await used_up(code_of)
    assert HELD_BACK in [await code_of("unknown-one") for _ in range(50)]


async def test_who_ends_a_call_before_it_is_judged_gets_no_token_back(edge, code_of):
    """By the header, and not by a reset: then there is an answer."""
    wanted = {
        "content-type": "application/grpc",
        "te": "trailers",
        "grpc-timeout": "20m",
        "authorization": "Bearer slow",
    }
    await used_up(code_of)

    async with httpx.AsyncClient(base_url=f"http://{edge.address}", timeout=PATIENCE, verify=NO_TLS) as http:

        async def code():
            answer = await http.post(LIST, headers=dict((STRANGER,)) | wanted, content=bytes(5))
            return answer.headers["grpc-status"]

        async with asyncio.timeout(PATIENCE):
            while await code() != "4":
                await asyncio.sleep(0.05)
        assert "8" in [await code() for _ in range(50)]


async def test_who_gives_up_before_the_answer_has_paid(edge, code_of, service):
    """By a reset, of an address that was never refused anything: there is no answer that could be counted."""
    async with grpc.aio.insecure_channel(edge.address) as channel:
        for number in range(BURST):
            headers = (STRANGER, ("authorization", f"Bearer slow-{number}"))
            call = channel.unary_unary(LIST)(b"", metadata=headers, timeout=PATIENCE)
            async with asyncio.timeout(PATIENCE):
                while service.asked <= number:
                    await asyncio.sleep(0.01)
            call.cancel()

        codes = {await code_of(f"false-{number}") for number in range(2 * BURST)}

    assert HELD_BACK in codes
    assert await code_of("good-one", OTHER) is OK


async def test_an_office_whose_calls_are_slow_is_served_when_it_is_known(edge, code_of, service):
    assert await code_of("good-one") is OK
    async with grpc.aio.insecure_channel(edge.address) as channel:
        slow = [
            channel.unary_unary(LIST)(b"", metadata=(STRANGER, ("authorization", f"Bearer slow-{n}")), timeout=PATIENCE)
            for n in range(BURST)
        ]
        async with asyncio.timeout(PATIENCE):
            while service.asked <= BURST:
                await asyncio.sleep(0.01)
        codes = [await code_of("good-one") for _ in range(3 * BURST)]
        for call in slow:
            call.cancel()

    assert set(codes) == {OK}


async def test_a_stranger_is_held_back_whichever_of_its_addresses_it_takes(code_of):
    own = [("x-forwarded-for", f"2001:db8:0:2::{number:x}") for number in range(200)]
    codes = [await code_of(f"false-{number}", address) for number, address in enumerate(own)]

    assert HELD_BACK in codes
    for neighbour in ("2001:db8:0:3::1", "2001:db8::1", "2001:db8:0:1:2::"):
        assert await code_of("false", ("x-forwarded-for", neighbour)) is REFUSED


async def test_he_is_let_in_again_when_time_has_passed(code_of):
    await used_up(code_of)

    async with asyncio.timeout(PATIENCE):
        while await code_of("good-one") is HELD_BACK:
            await asyncio.sleep(0.2)


async def test_refusals_over_http_count_as_well(edge, code_of):
    headers = dict((STRANGER, ("authorization", "Bearer false-web")))
    async with httpx.AsyncClient(base_url=f"http://{edge.address}", timeout=PATIENCE, verify=NO_TLS) as http:
        answers = [await http.get("/api/v1/models", headers=headers) for _ in range(50)]

    assert {answer.status_code for answer in answers} == {401, 429}
    last = next(answer for answer in answers if answer.status_code == 429)
    assert (last.headers["retry-after"], last.json()["error"]["code"]) == ("1", 429)


async def test_calls_without_a_credential_use_up_another_bucket(edge, code_of):
    for _ in range(3 * BURST):
        await code_of("", path=LIST)

    assert await code_of("good-one") is OK
    assert await used_up(code_of) >= BURST - 1


async def test_what_was_accepted_once_and_is_refused_now_counts_as_any_other(code_of, service):
    """A credential that ended, or a forged one with the same end."""
    good = f"good-{'x' * 43}"
    await code_of("false-first")
    assert await code_of(good) is OK
    await used_up(code_of)
    assert await code_of(good) is OK

    before = service.asked
    codes = [await code_of(f"false-{number}-{'x' * 43}") for number in range(50)]

    assert codes[0] is REFUSED
    assert HELD_BACK in codes
    assert service.asked - before == codes.count(REFUSED)
