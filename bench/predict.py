"""What a prediction costs, in place: the whole platform runs, its model is learned and deployed as in `make demo`.

One row of twelve features, keyless and keyed, over gRPC and by the Open Inference Protocol over HTTP/1.1 (`_rest`),
directly at inference and through the edge, at 1, 16 and 64 callers;
first with all services at work, then with the consumers of predictions stopped. In the same run, from one client: the
floor (two packed hops of bare grpc.aio and the same model, alone and behind Envoy) and other products. Rounds
alternate.

`ours` is predictions/s keyless at 16 callers directly at inference with the consumers stopped, `floor` the two hops;
peers: predictions/s at 16 callers. extra.ratios has what is asked of it; extra.on and extra.off, for each way and
number of callers, rate, waits, and CPU and wake-ups a prediction by process. With consumers a round ends when billing
has metered it, so that what is done behind the answers counts. `client` is this process.

DATA: absolute path of the platform's folder, kept for the next run; without it a new one that is removed. A platform
that runs there already goes on. COUNT: predictions a round. ROUNDS: how many. CALLERS: `1,16,64`. PEERS: 0 leaves them
out.
"""

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import predict_load
import uvloop
from forgepoint.inference.v1 import inference_pb2 as pb
from forgepoint.inference.v1.inference_pb2_grpc import InferenceGatewayServiceStub
from form import report
from fp_flights import data, store, training
from fp_flights.features import INPUT
from fp_flights.pipelines import MODEL
from fp_flights.story import deploy, learn, loop, plan, watch
from fp_flights.story.calendar import SERVED, calendar
from fp_flights.story.landing import Landing
from fp_flights.story.narrator import Narrator
from fp_flights.story.platform import Platform, open_platform
from fp_flights.story.session import Login, Session, open_session
from fp_kernel import NotFound, new_id
from fp_supervisor import SupervisorClient
from fp_supervisor.launch import SOCKET
from fp_testkit.edge_process import EdgeProcess
from predict_floor import floor
from predict_load import Call, Way
from predict_peers import NO_TOKEN, oip, peers
from processes import CLIENT, Used, family, used

DATA = os.environ.get("DATA", "")
COUNT = int(os.environ.get("COUNT", "3000"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
CALLERS = tuple(map(int, os.environ.get("CALLERS", "1,16,64").split(",")))
MAIN = 16
# What reads predictions behind the answers.
CONSUMERS = ("billing", "monitor", "pipeline", "notification")
IDLE_SECONDS = 5.0


async def measure() -> None:
    folder = Path(DATA or tempfile.mkdtemp(prefix="fp-bench-predict-"))
    narrator = Narrator()
    platform = await open_platform(folder, narrator)
    try:
        async with open_session(platform.access) as session:
            await _deployed(session, narrator)
            await _compare(platform, session)
    finally:
        if platform.started_here:
            await platform.stop()
        if not DATA:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def _deployed(session: Session, narrator: Narrator) -> None:
    """As the first chapters of the story, unless the folder has lived through them."""
    try:
        await session.inference.GetRoute(pb.GetRouteRequest(model_name=MODEL))
    except NotFound:
        await plan.assign(session, narrator)
        flights = calendar(data.load())
        await Landing(session, await store.define(session), flights.everything).write(SERVED)
        learned = await learn.learn(session, narrator)
        await deploy.deploy(session, narrator, learned.version)
        chain = await loop.prepare(session, 100)
        await watch.configure(session, window=flights.replay_week, retraining=chain.retraining)
        await watch.compares_with(session, learned.version)


async def _compare(platform: Platform, session: Session) -> None:
    winter = data.load().months(1, 2)
    winter = winter.where(winter.landed())
    row = winter.features[0].astype("<f4")
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fp-bench-predict-")))
        artifact = folder / "model.onnx"
        artifact.write_bytes(await asyncio.to_thread(lambda: training.to_onnx(training.train(winter))))
        ours = await _ours(stack, platform, session, row)
        floors = await _floors(stack, artifact, folder, row)
        others: dict[str, Way] = {}
        if os.environ.get("PEERS") != "0":
            others = await stack.enter_async_context(peers(artifact, row.tolist(), row.tobytes()))
        beside = {**floors, **others}
        on = await _figures(ours | beside, "on")
        idle = await _idle(platform.folder)
        for way in ours.values():
            way.settled = None
        metered = plan.requests(await plan.used(session))
        with stopped(await _pids(platform.folder, CONSUMERS)):
            off = await _figures(ours | floors, "off")
        made = (ROUNDS + 1) * sum(COUNT // callers * callers for callers in CALLERS) * len(ours)
        missing = metered + made - plan.requests(await plan.metered(session, made, metered))
        if missing > 0:
            raise RuntimeError(f"billing did not meter {missing} predictions")
        _report(on, off, idle, others)


async def _ours(stack: AsyncExitStack, platform: Platform, session: Session, row: Any) -> dict[str, Way]:
    inference = await _address(platform.folder, "inference")
    login = Login(platform.access)

    async def usage() -> dict[str, Used]:
        return await used(platform.folder)

    metered = plan.requests(await plan.used(session))

    async def settled(count: int) -> None:
        nonlocal metered
        found = plan.requests(await plan.metered(session, count, metered))
        if found < metered + count:
            raise RuntimeError(f"billing did not meter {metered + count - found} predictions")
        metered = found

    ways: dict[str, Way] = {}
    for name, address in (("direct", inference), ("edge", platform.access.address)):
        stub: Any = InferenceGatewayServiceStub(await stack.enter_async_context(grpc.aio.insecure_channel(address)))
        for keyed in (False, True):
            ways[f"{name}_{'keyed' if keyed else 'keyless'}"] = Way(
                _caller(stub, login, row, keyed=keyed), usage, settled
            )
    bearer = {"authorization": f"Bearer {await login.token()}"}
    path = f"/v2/models/{MODEL}/infer"
    # The same request by the same client as MLServer gets.
    for name, address in (("direct_rest", inference), ("edge_rest", platform.access.http_address)):
        caller = predict_load.rest_caller(address, path, oip(row.tolist()), bearer)
        ways[name] = Way(caller, usage, settled)
    return ways


def _caller(stub: Any, login: Login | None, row: Any, *, keyed: bool = False) -> Any:
    tensor = pb.TensorData(shape=[1, len(row)], dtype=pb.DATA_TYPE_FLOAT32, data=row.tobytes())

    @asynccontextmanager
    async def opened() -> AsyncIterator[Call]:
        metadata = (("authorization", f"Bearer {await login.token()}"),) if login is not None else ()
        run, number = new_id(), 0

        async def call() -> None:
            nonlocal number
            number += 1
            request = pb.PredictRequest(model_name=MODEL, inputs={INPUT: tensor})
            if keyed:
                request.idempotency_key = f"{run}/{number}"
            found = await stub.Predict(request, timeout=30.0, metadata=metadata)
            assert len(np.frombuffer(found.outputs["probabilities"].data, "<f4")) == 2

        yield call

    return opened


async def _floors(stack: AsyncExitStack, artifact: Path, folder: Path, row: Any) -> dict[str, Way]:
    address, processes = await stack.enter_async_context(floor(artifact))
    edge = EdgeProcess(folder, {"inference": address}, FP_EDGE_ACCESS_LOG="failed")
    await edge.start()
    stack.push_async_callback(edge.stop)
    assert edge.running is not None
    processes = {**processes, "edge": edge.running.pid, CLIENT: os.getpid()}

    async def usage() -> dict[str, Used]:
        return {name: family(name, pid) for name, pid in processes.items()}

    ways = {}
    nobody: Any = _Nobody()
    for name, at in (("floor", address), ("floor_edge", edge.address)):
        stub = InferenceGatewayServiceStub(await stack.enter_async_context(grpc.aio.insecure_channel(at)))
        ways[name] = Way(_caller(stub, nobody, row), usage)
    return ways


class _Nobody:
    async def token(self) -> str:
        return NO_TOKEN


async def _figures(ways: dict[str, Way], phase: str) -> dict[str, Way]:
    """The same ways, with the rounds of this phase alone."""
    for way in ways.values():
        way.rounds.clear()
    for number in range(ROUNDS + 1):
        for callers in CALLERS:
            for way in (*ways.values(),)[:: 1 if number % 2 else -1]:
                await way.round(callers, COUNT)
        rates = ", ".join(f"{name} {way.rounds[MAIN][-1].rate:.0f}/s" for name, way in ways.items() if way.rounds[MAIN])
        print(f"{phase}, round {number}: {rates}", file=sys.stderr, flush=True)
        if not number:
            # The first round warms up: connections, tokens, caches.
            for way in ways.values():
                way.rounds.clear()
    return {name: Way(way.caller, way.usage, rounds=defaultdict(list, way.rounds)) for name, way in ways.items()}


async def _idle(folder: Path) -> dict[str, float]:
    """Milliseconds of CPU a second of each process when nobody asks anything."""
    before = await used(folder)
    await asyncio.sleep(IDLE_SECONDS)
    after = await used(folder)
    found = {name: (each - before.get(name, Used())).cpu * 1e3 / IDLE_SECONDS for name, each in after.items()}
    return {name: round(each, 1) for name, each in sorted(found.items(), key=lambda pair: -pair[1]) if each}


async def _pids(folder: Path, names: Iterable[str]) -> list[int]:
    processes = (await SupervisorClient(folder / SOCKET).status(memory=False)).processes
    return [process.pid for process in processes if process.name in names and process.pid is not None]


async def _address(folder: Path, name: str) -> str:
    processes = (await SupervisorClient(folder / SOCKET).status(memory=False)).processes
    return next(process.addresses["grpc"] for process in processes if process.name == name)


@contextmanager
def stopped(pids: list[int]) -> Iterator[None]:
    """Processes that get no CPU meanwhile; nothing is lost, they go on where they were."""
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def _report(on: dict[str, Way], off: dict[str, Way], idle: dict[str, float], others: dict[str, Way]) -> None:
    def rate(ways: dict[str, Way], name: str) -> float:
        return ways[name].rate(MAIN)

    ratios = {
        "direct to floor, consumers off (0.7 asked)": rate(off, "direct_keyless") / rate(off, "floor"),
        "direct to floor, consumers on": rate(on, "direct_keyless") / rate(on, "floor"),
        "edge to floor behind Envoy, consumers off (0.7 asked)": rate(off, "edge_keyless") / rate(off, "floor_edge"),
        "keyed to keyless, consumers on (0.85 asked)": rate(on, "direct_keyed") / rate(on, "direct_keyless"),
        "keyed to keyless, consumers off": rate(off, "direct_keyed") / rate(off, "direct_keyless"),
    }
    if "mlserver_rest" in on:
        for name, ours, other in (
            ("direct OIP REST to MLServer's, consumers on (1 asked)", "direct_rest", "mlserver_rest"),
            ("OIP REST through the edge to MLServer's without one", "edge_rest", "mlserver_rest"),
            ("OIP REST through the edge to MLServer's through the edge", "edge_rest", "mlserver_edge_rest"),
        ):
            ratios[name] = rate(on, ours) / rate(on, other)
    report(
        "predict",
        "predictions/s",
        rate(off, "direct_keyless"),
        rate(off, "floor"),
        peers={name: rate(on, name) for name in others},
        extra={
            "predictions": COUNT,
            "rounds": ROUNDS,
            "load": round(os.getloadavg()[0], 1),
            "ratios": {name: round(each, 3) for name, each in ratios.items()},
            "on": {name: way.figures() for name, way in on.items()},
            "off": {name: way.figures() for name, way in off.items()},
            "idle_cpu_ms_a_second": idle,
        },
    )


if __name__ == "__main__":
    uvloop.run(measure())
