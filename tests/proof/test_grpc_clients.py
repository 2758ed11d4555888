"""Clients of gRPC in other languages, and its own tests of interoperability, against our transport."""

import asyncio
import importlib
import json
import os
import shutil
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest
from contract_client import Contract
from contract_commands import *  # noqa: F403 -- fixtures are found by name
from contract_commands import CALLS, PACKAGES, SDK
from fp_devstack.tls.folder import CertificateFiles
from fp_devstack.tls.local import LocalCertificates, Wanted
from fp_rpc.http2.listener import Http2Policy, Http2Server
from fp_rpc.tls.certificates import Certificates
from fp_rpc.tls.http import ServerContexts
from fp_testkit.wallclock import StandingClock, real_now
from grpc_tools import protoc

pytestmark = pytest.mark.proof
HERE = Path(__file__).resolve().parent / "grpc_clients"
MIB = 1024 * 1024
SECONDS = 600
INITIAL, TRAILING = "x-grpc-test-echo-initial", "x-grpc-test-echo-trailing-bin"


@pytest.fixture
def messages(tmp_path, monkeypatch):
    arguments = ["protoc", f"-I{HERE}", f"--python_out={tmp_path}", "interop.proto"]
    assert protoc.main(arguments) == 0
    monkeypatch.syspath_prepend(str(tmp_path))
    return importlib.import_module("interop_pb2")


class Interop(grpc.GenericRpcHandler):
    """The service that gRPC's tests call. callers: names in the certificates of who did."""

    def __init__(self, messages):
        self._pb = messages
        self.callers = set()
        one, many = grpc.stream_unary_rpc_method_handler, grpc.stream_stream_rpc_method_handler
        pb = messages
        self._methods = {
            "EmptyCall": one(self._empty, pb.Empty.FromString, _bytes),
            "UnaryCall": one(self._unary, pb.SimpleRequest.FromString, _bytes),
            "StreamingInputCall": one(self._input, pb.StreamingInputCallRequest.FromString, _bytes),
            "StreamingOutputCall": many(self._output, pb.StreamingOutputCallRequest.FromString, _bytes),
            "FullDuplexCall": many(self._output, pb.StreamingOutputCallRequest.FromString, _bytes),
        }

    def service(self, details):
        service, _, method = details.method.rpartition("/")
        return self._methods.get(method) if service == "/grpc.testing.TestService" else None

    async def _empty(self, requests, context):
        self.callers |= set(context.peer_identities() or ())
        async for _ in requests:
            pass
        return self._pb.Empty()

    async def _unary(self, requests, context):
        (request,) = [each async for each in requests]
        await self._echo(request, context)
        return self._pb.SimpleResponse(payload=self._payload(request.response_size))

    async def _input(self, requests, context):
        sizes = [len(request.payload.body) async for request in requests]
        return self._pb.StreamingInputCallResponse(aggregated_payload_size=sum(sizes))

    async def _output(self, requests, context):
        async for request in requests:
            await self._echo(request, context)
            for asked in request.response_parameters:
                await asyncio.sleep(asked.interval_us / 1e6)
                yield self._pb.StreamingOutputCallResponse(payload=self._payload(asked.size))

    def _payload(self, size):
        return self._pb.Payload(body=bytes(size))

    async def _echo(self, request, context):
        sent = context.invocation_metadata()
        if INITIAL in sent:
            await context.send_initial_metadata(((INITIAL, sent[INITIAL]),))
        if TRAILING in sent:
            context.set_trailing_metadata(((TRAILING, sent[TRAILING]),))
        if request.response_status.code:
            await context.abort(request.response_status.code, request.response_status.message)


def _bytes(message):
    return message.SerializeToString()


@pytest.fixture
def interop(messages):
    return Interop(messages)


@asynccontextmanager
async def serving(interop, tls=None):
    server = Http2Server(
        Http2Policy(calls=1_000, streams=1_000, header_bytes=12 * 1024, shortest_ping=10.0, largest_message=32 * MIB)
    )
    server.add_generic_rpc_handlers([interop])
    yield f"127.0.0.1:{await server.start('127.0.0.1', 0, tls)}"
    await server.stop(0.0)


@pytest.fixture
async def address(interop):
    async with serving(interop) as address:
        yield address


async def run(*command, cwd, given=""):
    pipe, environment = asyncio.subprocess.PIPE, os.environ | {"GOFLAGS": "-mod=mod"}
    process = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, env=environment, stdin=pipe, stdout=pipe, stderr=sys.stderr
    )
    try:
        async with asyncio.timeout(SECONDS):
            output, _ = await process.communicate(given.encode())
    except TimeoutError:
        process.kill()
        raise
    print(output.decode())
    assert process.returncode == 0
    return output.decode().splitlines()


@pytest.fixture
async def grpc_go(tmp_path):
    """`await grpc_go(address)`: the lines that it printed."""
    go = shutil.which("go") or "/usr/local/go/bin/go"
    folder = shutil.copytree(HERE / "go", tmp_path / "go")
    programs = folder / "bin"
    programs.mkdir()
    await run(go, "build", "-o", programs, "./...", cwd=folder)

    async def client(*arguments, program="grpcclients", given=""):
        return await run(str(programs / program), *arguments, cwd=folder, given=given)

    return client


async def test_grpc_go_passes_its_tests_of_interoperability(grpc_go, address):
    assert len(await grpc_go(address)) == 15


async def test_grpc_go_passes_them_with_mutual_tls_and_is_refused_without_a_certificate(grpc_go, interop, tmp_path):
    LocalCertificates(tmp_path, (Wanted("registry"), Wanted("gateway")), StandingClock(real_now())).renew()
    ours, theirs = (CertificateFiles(tmp_path / "tls" / noun) for noun in ("registry", "gateway"))
    contexts = ServerContexts(Certificates(ours.certificate, ours.key, ours.authority), clients=True, protocol="h2")

    async with serving(interop, contexts.context) as address:
        lines = await grpc_go(address, "registry", str(theirs.authority), str(theirs.certificate), str(theirs.key))

    assert len(lines) == 16
    assert lines[0] == "no certificate refused ok"
    assert interop.callers == {b"spiffe://forgepoint/gateway", b"gateway"}


async def test_what_the_original_calls_is_answered_to_grpc_go_by_the_contract_alone(
    grpc_go, platform, facts, admin_token, contract, tmp_path
):
    """Its command line and its SDK are written in Go and in Python; neither is at hand."""
    Contract(tmp_path, PACKAGES)
    calls = CALLS | {f"sdk {name}": call for name, call in SDK.items()}
    asked = [(call.rpc, call.fields(facts), "" if name == "login" else admin_token) for name, call in calls.items()]
    missing = [(call.rpc, call.missing, admin_token) for call in calls.values() if call.missing]
    unknown = [(call.rpc, call.fields(facts), "") for name, call in calls.items() if name != "login"]
    lines = [
        json.dumps({"method": contract.method(rpc).path, "fields": fields, "token": token})
        for rpc, fields, token in (*asked, *missing, *unknown)
    ]

    told = await grpc_go(
        platform.access.address, str(tmp_path / "contract.binpb"), program="contract", given="\n".join(lines)
    )

    answers = [json.loads(line) for line in told]
    codes = [each["code"] for each in answers]
    expected = ["OK"] * len(asked) + ["NotFound"] * len(missing) + ["Unauthenticated"] * len(unknown)
    assert list(zip(codes, lines, strict=True)) == list(zip(expected, lines, strict=True))
    for (name, call), answer in zip(calls.items(), answers, strict=False):
        assert call.shows(answer["answer"], facts), (name, answer)


async def test_grpc_js_calls_streams_cancels_and_reads_trailers(address, tmp_path):
    folder = shutil.copytree(HERE / "node", tmp_path / "node")
    await run("npm", "ci", "--ignore-scripts", "--no-audit", cwd=folder)

    assert len(await run("node", "client.js", address, str(HERE / "interop.proto"), cwd=folder)) == 9
