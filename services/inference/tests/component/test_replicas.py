"""A version that has several runtimes: calls are shared, and one that dies fails nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from forgepoint.inference.v1 import inference_pb2 as pb
from fp_inference.adapters.runtimes import ServingRuntimes
from fp_inference.domain.routes import Target
from fp_kernel import Unavailable
from fp_kernel.tensors import ElementType, Tensor
from fp_rpc import BearerToken, Channels
from fp_rpc.client.names import resolve
from fp_rpc.client.targets import Resolved, target_of
from fp_telemetry import Metrics
from fp_testkit.clock import ManualClock
from fp_testkit.issuer import Issuer
from fp_testkit.patience import PATIENCE

Start = Callable[..., Awaitable[Any]]
Ask = Callable[..., pb.PredictRequest]
_ROW = {"features": Tensor(ElementType.FLOAT32, (1, 2), b"\0" * 8)}


@pytest.fixture
async def replicated(start: Start, runtime: Start, announce: Start) -> tuple[list[Any], Any]:
    """Three runtimes of one version that is deployed, and the service that asks them."""
    runtimes = [await runtime("1") for _ in range(3)]
    inference = await start()
    target = target_of([each.address for each in runtimes])
    await announce(SimpleNamespace(version="1", address=target), 1, weight=10_000)
    await inference.weights({"1": 10_000})
    return runtimes, inference


async def test_predictions_are_shared_among_the_replicas(replicated: Any, ask: Ask) -> None:
    runtimes, inference = replicated
    stub = inference.stub()
    for _ in range(12):
        await stub.Predict(ask(), timeout=PATIENCE)
    assert [len(each.calls) for each in runtimes] == [4, 4, 4]
    assert sum(each.as_frames for each in runtimes) == 12


async def _answered(stub: Any, request: pb.PredictRequest) -> str:
    return str((await stub.Predict(request, timeout=PATIENCE)).served_version)


async def test_a_replica_that_dies_under_load_fails_no_prediction_and_counts_against_no_version(
    replicated: Any, ask: Ask, events: Any
) -> None:
    runtimes, inference = replicated
    stub = inference.stub()
    for _ in range(3):
        await stub.Predict(ask(), timeout=PATIENCE)
    for each in runtimes:
        each.gate = asyncio.Event()
    async with asyncio.TaskGroup() as calls:
        waiting = [calls.create_task(_answered(stub, ask())) for _ in range(60)]
        async with asyncio.timeout(PATIENCE):
            while sum(len(each.calls) for each in runtimes) < 63:
                await asyncio.sleep(0.01)
        had = len(runtimes[0].calls) - 1
        await runtimes[0].server.stop(0)
        for each in runtimes:
            each.gate.set()
    assert had >= 15
    assert {each.result() for each in waiting} == {"1"}
    for _ in range(6):
        await stub.Predict(ask(), timeout=PATIENCE)
    told = await events.wait(69)
    assert not [tried for event in told for tried in event.payload.attempts if tried.failure]
    content, _ = inference.service.runtime.metrics.render()
    assert b'fp_inference_replica_calls_lost_total{kind="UNAVAILABLE"}' in content


async def test_a_replica_that_is_started_again_gets_its_share_again(replicated: Any, runtime: Start, ask: Ask) -> None:
    runtimes, inference = replicated
    stub = inference.stub()
    for _ in range(3):
        await stub.Predict(ask(), timeout=PATIENCE)
    await runtimes[0].server.stop(0)
    for _ in range(6):
        await stub.Predict(ask(), timeout=PATIENCE)
    circuit = (await stub.GetCircuitState(pb.GetCircuitStateRequest(model_name="delays", version="1"))).circuit_state
    assert (circuit.replicas, circuit.replicas_left_out) == (3, 1)
    assert circuit.state == pb.CIRCUIT_BREAKER_STATE_CLOSED
    again = await runtime("1", runtimes[0].address)
    async with asyncio.timeout(PATIENCE):
        while not again.calls:
            await stub.Predict(ask(), timeout=PATIENCE)


async def test_a_version_is_found_by_the_name_of_its_replicas(
    start: Start, runtime: Start, announce: Start, ask: Ask
) -> None:
    one, inference = await runtime("1"), await start()
    port = one.address.rpartition(":")[2]
    await announce(SimpleNamespace(version="1", address=f"dns:///localhost:{port}"), 1, weight=10_000)
    await inference.weights({"1": 10_000})
    assert (await inference.stub().Predict(ask(), timeout=PATIENCE)).served_version == "1"


class Named:
    """Runtimes that are asked by a name, and what the name resolves to."""

    def __init__(self, issuer: Issuer) -> None:
        self.clock = ManualClock()
        self.found: list[str] | None = []
        self.asked = 0
        self.channels = Channels(BearerToken(issuer.identity.service("inference")))
        self.runtimes = ServingRuntimes(self.channels, self.clock, Metrics("inference"), resolved=self._resolve)
        endpoint = "dns:///delays.models:9000"
        self.target = Target("m", "id-1", "1", endpoint, 10_000, 1, datetime(2013, 1, 1, tzinfo=UTC))

    async def _resolve(self, name: Resolved) -> list[str]:
        self.asked += 1
        assert name == Resolved("delays.models", 9000)
        if self.found is None:
            raise Unavailable("DNS is away")
        return self.found

    async def predict(self) -> None:
        await self.runtimes.predict(self.target, "delays", _ROW, request_id="r", seconds=PATIENCE)

    async def look(self) -> None:
        self.clock.advance(4)
        await self.runtimes.look([self.target])


@pytest.fixture
async def named(issuer: Issuer) -> Any:
    made = Named(issuer)
    yield made
    await made.channels.close()


async def test_a_name_is_followed_while_it_is_in_use(named: Named, runtime: Start) -> None:
    one, two = await runtime("1"), await runtime("1")
    named.found = [one.address]
    for _ in range(3):
        await named.predict()
    assert named.asked == 1
    named.found = [one.address, two.address]
    await named.look()
    for _ in range(4):
        await named.predict()
    assert (len(one.calls), len(two.calls)) == (5, 2)
    named.found = [two.address]
    await named.look()
    for _ in range(4):
        await named.predict()
    assert (len(one.calls), len(two.calls)) == (5, 6)
    await named.look()
    before = named.asked
    await named.look()
    await named.look()
    assert named.asked == before, "nobody used it since"


@pytest.mark.parametrize("found", [None, []])
async def test_replicas_stay_while_the_name_resolves_to_nothing(
    named: Named, runtime: Start, found: list[str] | None
) -> None:
    one = await runtime("1")
    named.found = [one.address]
    await named.predict()
    named.found = found
    await named.look()
    await named.predict()
    assert len(one.calls) == 2


async def test_a_name_that_was_never_resolved_is_unavailable(named: Named) -> None:
    named.found = None
    with pytest.raises(Unavailable):
        await named.predict()
    assert not await named.runtimes.is_ready(named.target)


async def test_a_name_is_resolved_by_the_machine() -> None:
    assert "127.0.0.1:9000" in await resolve(Resolved("localhost", 9000))
    with pytest.raises(Unavailable):
        await resolve(Resolved("nobody.invalid", 9000))
