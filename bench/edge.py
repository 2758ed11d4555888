"""What lies between a client and a service costs: unary calls direct, through Envoy, and through our pass-through.

The same server of ours answers on all three ways, with the same token, correlation id, trace and deadline, each process
on its own; rounds alternate. `ours` is Envoy and `floor` the direct call, both in microseconds of CPU a call of all
processes but the client, at 16 callers. extra: for each way and number of callers calls/s, the median wait, and the
CPU of each process.
"""

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import uvloop
from forgepoint.registry.v1 import registry_pb2, registry_pb2_grpc
from form import report
from fp_gateway.admission import Admission
from fp_gateway.backends import Backends
from fp_gateway.callers import Callers
from fp_gateway.client_address import ClientAddressHeaders
from fp_gateway.false_credentials import FalseCredentials
from fp_gateway.methods import all_methods
from fp_gateway.passage import Passages
from fp_gateway.proxy import Proxy, ProxyPolicy
from fp_gateway.server import ProxyServer
from fp_gateway.trusted_proxies import TrustedProxies
from fp_kernel import new_id
from fp_rpc import JwtResolver, LogAudit, ServiceCredential, StaticJwks
from fp_rpc.audit.denials import DenialPolicy
from fp_rpc.audit.queue import AuditQueue
from fp_rpc.call_metrics import CallMetrics
from fp_telemetry import Metrics, setup
from fp_testkit.edge_process import NOBODY, EdgeProcess
from rpc_overhead import ISSUER, TRACE, cpu_seconds, credentials, started

CALLERS = (1, 16, 64)
MAIN = 16
ROUNDS = int(os.environ.get("ROUNDS", "8"))
SECONDS = float(os.environ.get("SECONDS", "0.8"))


@dataclass
class Way:
    """pids: of the processes on it, by name."""

    stub: Any
    pids: dict[str, int]
    rates: dict[int, list[float]] = field(default_factory=dict)
    waits: dict[int, list[float]] = field(default_factory=dict)
    cpu: dict[int, dict[str, list[float]]] = field(default_factory=dict)

    async def round(self, callers: int, metadata: tuple[tuple[str, str], ...]) -> None:
        waits: list[float] = []
        used = {name: cpu_seconds(pid) for name, pid in self.pids.items()}
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(callers):
                group.create_task(self._calls(metadata, began + SECONDS, waits))
        self.rates.setdefault(callers, []).append(len(waits) / (time.perf_counter() - began))
        self.waits.setdefault(callers, []).append(statistics.median(waits))
        for name, pid in self.pids.items():
            costs = self.cpu.setdefault(callers, {}).setdefault(name, [])
            costs.append((cpu_seconds(pid) - used[name]) / len(waits))

    async def _calls(self, metadata: tuple[tuple[str, str], ...], until: float, waits: list[float]) -> None:
        request = registry_pb2.GetModelRequest(id=new_id())
        while (began := time.perf_counter()) < until:
            await self.stub.GetModel(request, timeout=5.0, metadata=metadata)
            waits.append(time.perf_counter() - began)

    def between(self, callers: int) -> float:
        """Microseconds of CPU a call, of all but the client."""
        costs = self.cpu[callers].items()
        return sum(statistics.median(each) for name, each in costs if name != "client") * 1e6

    def figures(self) -> dict[str, Any]:
        return {
            f"c{callers}": {
                "rate": round(statistics.median(self.rates[callers])),
                "p50_ms": round(statistics.median(self.waits[callers]) * 1e3, 2),
                "cpu_us": {name: round(statistics.median(each) * 1e6) for name, each in self.cpu[callers].items()},
            }
            for callers in CALLERS
        }


async def pass_through(target: str) -> None:
    """The gateway's proxy alone, until the parent closes our standard input."""
    setup("gateway")
    metrics = Metrics("gateway")
    resolver = JwtResolver(ISSUER, StaticJwks(json.loads(os.environ["BENCH_JWKS"])))
    refusals = AuditQueue(LogAudit(), metrics, capacity=100, denials=DenialPolicy())
    # Its token is never asked for: addresses go along without a proof.
    addresses = ClientAddressHeaders(ServiceCredential("gateway", "x" * 16, NOBODY), TrustedProxies())
    passages = Passages(
        Callers(resolver, refusals, FalseCredentials()),
        Admission(metrics),
        addresses,
        CallMetrics.of(metrics),
        access_log=False,
    )
    backends = Backends({"registry": target}, target)
    server = ProxyServer(Proxy(all_methods(), backends, passages, ProxyPolicy()))
    print(await server.start("127.0.0.1:0"), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(0)
    await backends.close()


@asynccontextmanager
async def gateway(target: int, jwks: str) -> AsyncIterator[tuple[int, int]]:
    """Its port and its process."""
    pipe = asyncio.subprocess.PIPE
    command = [sys.executable, __file__, f"127.0.0.1:{target}"]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=pipe, stdout=pipe, env={**os.environ, "BENCH_JWKS": jwks}
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield int(await process.stdout.readline()), process.pid
    finally:
        process.stdin.close()
        await process.wait()


@asynccontextmanager
async def envoy(target: int) -> AsyncIterator[tuple[str, int]]:
    """The edge as `fp up` runs it; its address and its process."""
    with tempfile.TemporaryDirectory() as folder:
        edge = EdgeProcess(Path(folder), {"registry": f"127.0.0.1:{target}"}, FP_EDGE_ACCESS_LOG="failed")
        try:
            await edge.start()
            assert edge.running is not None
            yield edge.address, edge.running.pid
        finally:
            await edge.stop()


async def compare() -> None:
    token, jwks = credentials()
    metadata = (("authorization", f"Bearer {token}"), ("x-correlation-id", new_id()), ("traceparent", TRACE))
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(started("ours", jwks))
        edge_address, edge_pid = await stack.enter_async_context(envoy(server.port))
        gateway_port, gateway_pid = await stack.enter_async_context(gateway(server.port, jwks))
        common = {"client": os.getpid(), "server": server.pid}

        async def way(address: str, **between: int) -> Way:
            channel = await stack.enter_async_context(grpc.aio.insecure_channel(address))
            return Way(registry_pb2_grpc.RegistryServiceStub(channel), {**common, **between})

        ways = {
            "direct": await way(f"127.0.0.1:{server.port}"),
            "envoy": await way(edge_address, envoy=edge_pid),
            "pass_through": await way(f"127.0.0.1:{gateway_port}", gateway=gateway_pid),
        }
        for each in ways.values():
            await each.round(MAIN, metadata)
            each.rates, each.waits, each.cpu = {}, {}, {}
        for number in range(ROUNDS):
            for callers in CALLERS:
                for each in (*ways.values(),)[:: 1 if number % 2 else -1]:
                    await each.round(callers, metadata)
            print(f"round {number + 1}: " + ", ".join(f"{n} {w.rates[MAIN][-1]:.0f}/s" for n, w in ways.items()))
    report(
        "edge",
        "us of CPU a call",
        ways["envoy"].between(MAIN),
        ways["direct"].between(MAIN),
        extra={"rounds": ROUNDS, **{name: each.figures() for name, each in ways.items()}},
        higher_is_better=False,
    )


if __name__ == "__main__":
    uvloop.run(pass_through(sys.argv[1]) if sys.argv[1:] else compare())
