"""What our server costs above a bare grpc.aio server: unary calls/s at concurrency 16.

Both serve the same generated method with the same behaviour, each in a process of its own on uvloop, and get the same
headers: a signed token, a correlation id, a trace and a deadline. Ours verifies, enforces, measures and translates
them; the floor ignores them. Rounds alternate, and the medians are compared. A third server is ours with mutual TLS and
the caller's certificate compared with his token. A last row compares clients: a bare stub and one on our channel, each
calling the floor.
"""

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Generator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import jwt
import uvloop
from cryptography.hazmat.primitives.asymmetric import rsa
from forgepoint.registry.v1 import registry_pb2, registry_pb2_grpc
from form import report
from fp_devstack.tls.folder import CertificateFiles
from fp_devstack.tls.local import LocalCertificates, Wanted
from fp_kernel import SystemClock, new_id
from fp_rpc import BearerToken, Channels, JwtResolver, LogAudit, Server, StaticJwks
from fp_rpc.client.call_context import ChannelContext
from fp_rpc.client.client_call import ClientMethod
from fp_rpc.client.renewed_channel import open_channel
from fp_rpc.client.stub_methods import UnaryUnaryMethod
from fp_rpc.tls.certificates import Certificates
from fp_telemetry import Metrics, setup
from jwt.algorithms import RSAAlgorithm

CONCURRENCY = 16
# Many short rounds: what else runs on the machine then falls on both sides.
ROUNDS = int(os.environ.get("ROUNDS", "24"))
SECONDS = float(os.environ.get("SECONDS", "0.6"))
ISSUER = "http://auth.bench"
CLIENT_ROUNDS, CLIENT_CALLS = 8, 300
TICK = os.sysconf("SC_CLK_TCK")
SERVICE = "forgepoint.registry.v1.RegistryService"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Registry(registry_pb2_grpc.RegistryServiceServicer):
    def __init__(self) -> None:
        model = registry_pb2.Model(id=new_id(), name="flights-late", team="ops", description="x" * 120)
        self._response = registry_pb2.GetModelResponse(model=model)

    async def GetModel(self, request: Any, context: Any) -> registry_pb2.GetModelResponse:  # noqa: ARG002 -- gRPC's
        return self._response


async def serve_floor() -> int:
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    registry_pb2_grpc.add_RegistryServiceServicer_to_server(Registry(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    SERVERS.append(server)
    return port


async def serve_reading() -> int:
    server, registry = grpc.aio.server(options=[("grpc.so_reuseport", 0)]), Registry()

    async def handle(_: Any, context: Any) -> bytes:
        request = registry_pb2.GetModelRequest.FromString(await context.read())
        return (await registry.GetModel(request, context)).SerializeToString()

    handlers: dict[str, Any] = {"GetModel": grpc.stream_unary_rpc_method_handler(handle)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    SERVERS.append(server)
    return port


async def serve_ours(certificates: Certificates | None = None) -> int:
    setup("registry")
    resolver = JwtResolver(ISSUER, StaticJwks(json.loads(os.environ["BENCH_JWKS"])))
    server = Server("registry", resolver=resolver, metrics=Metrics("registry"), audit=LogAudit())
    server.add(registry_pb2_grpc.add_RegistryServiceServicer_to_server, Registry())
    port = await server.start("127.0.0.1:0", certificates)
    server.set_serving(True)
    SERVERS.append(server)
    return port


def certificates_of(noun: str) -> Certificates:
    files = CertificateFiles(Path(os.environ["BENCH_TLS"]) / "tls" / noun)
    return Certificates(files.certificate, files.key, files.authority)


async def serve_tls() -> int:
    return await serve_ours(certificates_of("registry"))


SERVERS: list[Any] = []
SIDES = {
    "floor": serve_floor,
    "reading": serve_reading,
    "ours": serve_ours,
    "tls": serve_tls,
}


async def serve(side: str) -> None:
    """Serve until the parent closes our standard input."""
    print(await SIDES[side](), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await SERVERS[0].stop(0)


@dataclass
class Side:
    """One server: its process, a stub, and what its rounds gave."""

    pid: int
    port: int
    stub: "registry_pb2_grpc.RegistryServiceAsyncStub"
    rates: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    async def round(self, metadata: tuple[tuple[str, str], ...], seconds: float) -> None:
        waits: list[float] = []
        started, used = time.perf_counter(), cpu_seconds(self.pid)
        async with asyncio.TaskGroup() as group:
            for _ in range(CONCURRENCY):
                group.create_task(self._calls(metadata, started + seconds, waits))
        elapsed = time.perf_counter() - started
        self.rates.append(len(waits) / elapsed)
        self.waits.append(statistics.median(waits))
        self.cpu.append((cpu_seconds(self.pid) - used) / len(waits))

    async def _calls(self, metadata: tuple[tuple[str, str], ...], until: float, waits: list[float]) -> None:
        request = registry_pb2.GetModelRequest(id=new_id())
        while (began := time.perf_counter()) < until:
            await self.stub.GetModel(request, timeout=5.0, metadata=metadata)
            waits.append(time.perf_counter() - began)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:  # noqa: PTH123 -- read in a loop that is measured
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


@asynccontextmanager
async def started(side: str, jwks: str) -> AsyncIterator[Side]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        __file__,
        side,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "BENCH_JWKS": jwks},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        port = int(await process.stdout.readline())
        certificates = certificates_of("gateway") if side == "tls" else None
        async with open_channel(f"127.0.0.1:{port}", (), certificates, "registry") as channel:
            yield Side(process.pid, port, registry_pb2_grpc.RegistryServiceStub(channel))
    finally:
        process.stdin.close()
        await process.wait()


def credentials() -> tuple[str, str]:
    """A token and the key set that verifies it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": "forgepoint",
        "sub": new_id(),
        "iat": now,
        "exp": now + 3600,
        "team": "ops",
        "role": "engineer",
        "scopes": [f"{noun}:{verb}" for noun in ("models", "features", "pipelines") for verb in ("read", "write")],
    }
    token = jwt.encode(claims, key, algorithm="RS256", headers={"kid": "bench"})
    entry = {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": "bench", "alg": "RS256", "use": "sig"}
    return token, json.dumps({"keys": [entry]})


async def clients(port: int, token: str) -> dict[str, float]:
    """CPU of a client for a call by a bare stub and by a stub on our channel, in microseconds; the least of rounds."""
    request, metadata = registry_pb2.GetModelRequest(id=new_id()), (("authorization", f"Bearer {token}"),)
    channels = Channels(BearerToken(token))
    least = {"bare": float("inf"), "ours": float("inf")}
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as bare:
        stubs = {
            "bare": (registry_pb2_grpc.RegistryServiceStub(bare), metadata),
            "ours": (registry_pb2_grpc.RegistryServiceStub(channels.open(f"127.0.0.1:{port}", timeout=5.0)), None),
        }
        for _ in range(CLIENT_ROUNDS):
            for side, (stub, pairs) in stubs.items():
                used = time.process_time()
                for _ in range(CLIENT_CALLS):
                    await stub.GetModel(request, timeout=5.0, metadata=pairs)
                least[side] = min(least[side], (time.process_time() - used) / CLIENT_CALLS)
    await channels.close()
    least["alone"] = await alone(token, request)
    return {f"{side}_client_cpu_us": round(seconds * 1e6, 1) for side, seconds in least.items()}


class Answered:
    """The bare call beneath our client: it is answered at once."""

    answer = registry_pb2.GetModelResponse()

    def __init__(self, *_: Any, **__: Any) -> None:
        """Nothing is sent."""

    def __await__(self) -> Generator[Any, None, Any]:
        yield from ()
        return self.answer


async def alone(token: str, request: Any) -> float:
    """CPU seconds of our client's own code for a call; the least of rounds."""
    context = ChannelContext(BearerToken(token), timeout=5.0, stream_timeout=5.0, margin=0.0, metrics=None)
    nothing: Any = None
    method = UnaryUnaryMethod(ClientMethod(f"/{SERVICE}/GetModel", Answered, Answered, True, nothing, context, False))
    least = float("inf")
    for _ in range(CLIENT_ROUNDS * 4):
        used = time.process_time()
        for _ in range(CLIENT_CALLS):
            await method(request, timeout=5.0)
        least = min(least, (time.process_time() - used) / CLIENT_CALLS)
    return least


async def compare() -> None:
    token, jwks = credentials()
    metadata = (("authorization", f"Bearer {token}"), ("x-correlation-id", new_id()), ("traceparent", TRACE))
    LocalCertificates(Path(os.environ["BENCH_TLS"]), (Wanted("registry"), Wanted("gateway")), SystemClock()).renew()
    async with AsyncExitStack() as stack:
        sides = {name: await stack.enter_async_context(started(name, jwks)) for name in SIDES}
        for side in sides.values():
            await side.round(metadata, 0.5)
            side.rates.clear()
            side.waits.clear()
            side.cpu.clear()
        for number in range(ROUNDS):
            for side in sides.values() if number % 2 else reversed(sides.values()):
                await side.round(metadata, SECONDS)
            rates = ", ".join(f"{name} {side.rates[-1]:.0f}/s" for name, side in sides.items())
            print(f"round {number + 1}: {rates}", flush=True)
        sent = await clients(sides["floor"].port, token)
    ours, floor, reading = (statistics.median(sides[name].rates) for name in ("ours", "floor", "reading"))
    extra = {"concurrency": CONCURRENCY, "rounds": ROUNDS, **sent, "reading_ratio": round(ours / reading, 3)}
    for name, side in sides.items():
        extra[f"{name}_calls_s"] = round(statistics.median(side.rates), 1)
        extra[f"{name}_p50_ms"] = round(statistics.median(side.waits) * 1e3, 3)
        extra[f"{name}_server_cpu_us"] = round(statistics.median(side.cpu) * 1e6, 1)
        extra[f"{name}_server_least_us"] = round(min(side.cpu) * 1e6, 1)
    report("rpc_overhead", "calls/s", ours, floor, extra=extra)


if __name__ == "__main__":
    if sys.argv[1:]:
        uvloop.run(serve(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["BENCH_TLS"] = folder
            uvloop.run(compare())
