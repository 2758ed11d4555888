"""What a prediction costs between inference and a runtime: a call as frames on a link, against the same call over gRPC.

One server of ours with one method, which answers what it is sent, one row of twelve features, in a process of its own
on uvloop; one client, at 1, 16 and 64 callers. Both ways have the same access rule, deadline, identity and metrics.
Rounds alternate; medians of microseconds of CPU a call, of the server and of the client.

ROUNDS, CALLS: how many, and calls of one round.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvloop
from forgepoint.serving.v1 import serving_pb2 as pb
from forgepoint.serving.v1.serving_pb2_grpc import (
    ModelServingServiceServicer,
    ModelServingServiceStub,
    add_ModelServingServiceServicer_to_server,
)
from form import report
from fp_kernel import Principal
from fp_rpc import BearerToken, Channels, Server
from fp_rpc.identity.caller import AUDIENCE
from fp_telemetry import Metrics

PREDICT = "/forgepoint.serving.v1.ModelServingService/Predict"
ROUNDS = int(os.environ.get("ROUNDS", "5"))
CALLS = int(os.environ.get("CALLS", "3000"))
CALLERS = (1, 16, 64)
TICK = os.sysconf("SC_CLK_TCK")
Predict = Callable[[], Awaitable[object]]


class Echo(ModelServingServiceServicer):
    async def Predict(self, request: pb.PredictRequest, context: Any) -> pb.PredictResponse:  # noqa: ARG002 -- gRPC's
        return pb.PredictResponse(outputs=request.inputs, model_version="1")


class Anybody:
    """Identity is no part of what is compared: `rpc_overhead` has it."""

    async def resolve(self, credential: str, *, audience: str = AUDIENCE) -> Principal:  # noqa: ARG002 -- the protocol's
        return Principal("inference", "", "service", frozenset({"*:*"}), 4e9, service="inference")


async def serve() -> None:
    """Until the parent closes our standard input."""
    server = Server("serving", resolver=Anybody(), metrics=Metrics("serving"))
    server.add(add_ModelServingServiceServicer_to_server, Echo())
    server.link("Predict", 0)
    port = await server.start("127.0.0.1:0")
    print(json.dumps([port, server.link_port]), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(0)


async def measure(server: "subprocess.Popen[str]", port: int, link_port: int) -> None:
    async def located() -> tuple[str, int]:
        return "127.0.0.1", link_port

    channels = Channels(BearerToken("one"))
    stub: Any = ModelServingServiceStub(channels.open(f"127.0.0.1:{port}", timeout=10.0))
    link = channels.link(PREDICT, located, timeout=10.0)
    row = pb.PredictRequest(
        model_name="m", inputs={"x": pb.TensorData(shape=[1, 12], dtype=pb.DATA_TYPE_FLOAT32, data=bytes(48))}
    )

    async def over_grpc() -> object:
        return await stub.Predict(row)

    async def over_link() -> object:
        return pb.PredictResponse.FromString(await link.call(row.SerializeToString()))

    try:
        await report_of({"grpc": over_grpc, "link": over_link}, server.pid)
    finally:
        await channels.close()


async def report_of(ways: dict[str, Predict], pid: int) -> None:
    found: defaultdict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for _ in range(ROUNDS):
        for callers in CALLERS:
            for name, predict in ways.items():
                found[f"{name} c{callers}"].append(await one_round(predict, callers, pid))
    rows = {
        name: {
            "server_us": round(statistics.median(each[0] for each in rounds)),
            "client_us": round(statistics.median(each[1] for each in rounds)),
            "calls_s": round(statistics.median(each[2] for each in rounds)),
        }
        for name, rounds in found.items()
    }

    def both(name: str) -> float:
        return float(rows[name]["server_us"] + rows[name]["client_us"])

    report("links", "us of CPU a call", both("link c16"), both("grpc c16"), extra=rows, higher_is_better=False)


async def one_round(predict: Predict, callers: int, pid: int) -> tuple[float, float, float]:
    """Microseconds of CPU a call of the server and of this process, and calls a second."""

    async def call() -> None:
        for _ in range(CALLS // callers):
            await predict()

    await predict()
    theirs, ours, started = used(pid), time.process_time(), time.perf_counter()
    await asyncio.gather(*(call() for _ in range(callers)))
    seconds, count = time.perf_counter() - started, CALLS // callers * callers
    return (used(pid) - theirs) / count * 1e6, (time.process_time() - ours) / count * 1e6, count / seconds


def used(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def main() -> None:
    if sys.argv[1:] == ["serve"]:
        uvloop.run(serve())
        return
    with subprocess.Popen(
        [sys.executable, __file__, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        port, link_port = json.loads(server.stdout.readline())
        uvloop.run(measure(server, port, link_port))
        server.communicate()


if __name__ == "__main__":
    main()
