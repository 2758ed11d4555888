"""From a chosen target to its answer."""

import asyncio
from collections.abc import Collection, Mapping
from datetime import UTC, datetime

import pytest
from fp_inference.app.breakers import Breakers
from fp_inference.app.bulkhead import BulkheadPolicy, Bulkheads
from fp_inference.app.forward import Forward, ForwardPolicy
from fp_inference.app.route_table import RouteTable
from fp_inference.app.values import Ask, Caller
from fp_inference.app.watch_targets import WatchTargets
from fp_inference.domain.breaker import BreakerPolicy, State
from fp_inference.domain.bucket import Limit
from fp_inference.domain.routes import Target
from fp_kernel import (
    Command,
    DeadlineExceeded,
    Error,
    FailedPrecondition,
    Internal,
    InvalidArgument,
    NotFound,
    ResourceExhausted,
    RetryBudget,
    Unauthenticated,
    Unavailable,
    invalid,
)
from fp_kernel.signatures import Signature
from fp_kernel.tensors import ElementType, Tensor
from fp_testkit.clock import ManualClock

_OUTPUTS = {"y": Tensor(ElementType.FLOAT32, (1,), b"\0" * 4)}
_AWAY = Unavailable("connection refused")


def _target(version: str) -> Target:
    return Target("m", f"id-{version}", version, f"host:{version}", 10_000, 1, datetime(2013, 1, 1, tzinfo=UTC))


_ONE, _TWO = _target("1"), _target("2")


class FakeRuntimes:
    """answers: by version, errors to raise one after the other; then outputs."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Error]] = {}
        self.called: list[str] = []
        self.ready: set[str] = set()
        self.gate: asyncio.Event | None = None

    async def predict(
        self, target: Target, model_name: str, inputs: Mapping[str, Tensor], *, request_id: str, seconds: float
    ) -> Mapping[str, Tensor]:
        self.called.append(target.version)
        if self.gate is not None:
            await self.gate.wait()
        if self.answers.get(target.version):
            raise self.answers[target.version].pop(0)
        return _OUTPUTS

    async def is_ready(self, target: Target) -> bool:
        return target.version in self.ready

    async def describe(self, target: Target, team: str, model_name: str) -> Signature:
        raise NotImplementedError

    async def keep_only(self, endpoints: Collection[str]) -> None:
        """Nothing is open."""


class Setting:
    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.runtimes = FakeRuntimes()
        self.breakers = Breakers(BreakerPolicy(), clock)
        self.budget = RetryBudget(burst=100.0)
        self.bulkheads = Bulkheads(BulkheadPolicy(in_flight=1, waiting=0))
        self.forward = Forward(
            runtimes=self.runtimes,
            breakers=self.breakers,
            bulkheads=self.bulkheads,
            budget=self.budget,
            clock=clock,
            policy=ForwardPolicy(backoff=0.0),
        )

    def ask(self, seconds: float = 10.0) -> Ask:
        caller = Caller("alpha", "user", "", "alpha/user", Limit(1.0, 1), may_pin=False)
        command = Command("alpha", "Predict", "", b"", lambda _: b"")
        return Ask(
            "r",
            caller,
            "delays",
            {},
            "",
            "",
            command,
            self.clock.monotonic() + seconds,
            datetime(2013, 3, 1, tzinfo=UTC).date(),
        )

    async def fail(self, target: Target, error: Error, times: int) -> None:
        for _ in range(times):
            self.runtimes.answers[target.version] = [error]
            with pytest.raises(Error):
                await self.forward((target,), self.ask())


@pytest.fixture
def setting(clock: ManualClock) -> Setting:
    return Setting(clock)


async def test_the_preferred_target_answers(setting: Setting) -> None:
    answer = await setting.forward((_ONE, _TWO), setting.ask())
    assert (answer.target, answer.outputs) == (_ONE, _OUTPUTS)


async def test_a_target_that_is_away_is_replaced_by_another_one(setting: Setting) -> None:
    setting.runtimes.answers["1"] = [_AWAY]
    assert (await setting.forward((_ONE, _TWO), setting.ask())).target is _TWO
    assert setting.runtimes.called == ["1", "2"]


async def test_the_only_target_is_asked_again(setting: Setting) -> None:
    setting.runtimes.answers["1"] = [_AWAY, _AWAY]
    assert (await setting.forward((_ONE,), setting.ask())).target is _ONE
    assert setting.runtimes.called == ["1", "1", "1"]


async def test_attempts_are_bounded(setting: Setting) -> None:
    setting.runtimes.answers["1"] = [_AWAY] * 9
    with pytest.raises(Unavailable) as caught:
        await setting.forward((_ONE,), setting.ask())
    assert caught.value.retry_after
    assert len(setting.runtimes.called) == 3


async def test_without_budget_nothing_is_tried_again(setting: Setting) -> None:
    while setting.budget.spend():
        pass
    setting.runtimes.answers["1"] = [_AWAY]
    with pytest.raises(Unavailable):
        await setting.forward((_ONE, _TWO), setting.ask())
    assert setting.runtimes.called == ["1"]


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        (invalid("inputs[x].shape", "bad"), InvalidArgument),
        (ResourceExhausted("full", reason="QUEUE_FULL", retry_after=0.1), ResourceExhausted),
        (DeadlineExceeded("late"), DeadlineExceeded),
        (Internal("internal error"), Internal),
    ],
)
async def test_what_is_not_unavailable_is_told_at_once(setting: Setting, said: Error, heard: type[Error]) -> None:
    setting.runtimes.answers["1"] = [said]
    with pytest.raises(heard):
        await setting.forward((_ONE, _TWO), setting.ask())
    assert setting.runtimes.called == ["1"]


@pytest.mark.parametrize(
    "said",
    [NotFound("another model", reason="WRONG_RUNTIME"), FailedPrecondition("failed"), Unauthenticated("bad token")],
)
async def test_what_a_runtime_has_against_this_service_is_no_business_of_the_caller(
    setting: Setting, said: Error
) -> None:
    setting.runtimes.answers["1"] = [said] * 3
    with pytest.raises(Unavailable) as caught:
        await setting.forward((_ONE,), setting.ask())
    assert said.message not in caught.value.message


async def test_five_failures_open_the_breaker_and_the_next_call_does_not_leave(setting: Setting) -> None:
    await setting.fail(_ONE, Internal("internal error"), 5)
    before = len(setting.runtimes.called)
    with pytest.raises(Unavailable) as caught:
        await setting.forward((_ONE,), setting.ask())
    assert caught.value.reason == "CIRCUIT_OPEN"
    assert caught.value.retry_after == pytest.approx(30.0)
    assert len(setting.runtimes.called) == before


async def test_an_open_breaker_sends_the_call_to_another_target(setting: Setting) -> None:
    await setting.fail(_ONE, Internal("internal error"), 5)
    assert (await setting.forward((_ONE, _TWO), setting.ask())).target is _TWO


async def test_bad_requests_never_open_the_breaker(setting: Setting) -> None:
    await setting.fail(_ONE, invalid("inputs", "bad"), 50)
    await setting.fail(_ONE, ResourceExhausted("full"), 50)
    assert setting.breakers.of(_ONE).state is State.CLOSED


async def test_a_caller_in_a_hurry_does_not_open_the_breaker(setting: Setting) -> None:
    for _ in range(20):
        setting.runtimes.answers["1"] = [DeadlineExceeded("late")]
        with pytest.raises(DeadlineExceeded):
            await setting.forward((_ONE,), setting.ask(seconds=0.5))
    assert setting.breakers.of(_ONE).state is State.CLOSED
    await setting.fail(_ONE, DeadlineExceeded("late"), 5)
    assert setting.breakers.of(_ONE).state is State.OPEN


async def test_a_call_without_time_is_not_made(setting: Setting) -> None:
    with pytest.raises(DeadlineExceeded):
        await setting.forward((_ONE,), setting.ask(seconds=0.0))
    assert setting.runtimes.called == []


async def test_a_full_bulkhead_gives_the_probe_to_someone_else(setting: Setting) -> None:
    await setting.fail(_ONE, Internal("internal error"), 5)
    setting.clock.advance(31.0)
    async with setting.bulkheads.enter(("alpha", "delays"), 1.0):
        with pytest.raises(ResourceExhausted):
            await setting.forward((_ONE,), setting.ask())
    assert (await setting.forward((_ONE,), setting.ask())).target is _ONE


async def test_a_caller_that_leaves_gives_place_and_probe_back(setting: Setting) -> None:
    await setting.fail(_ONE, Internal("internal error"), 5)
    setting.clock.advance(31.0)
    setting.runtimes.gate = asyncio.Event()
    probe = asyncio.ensure_future(setting.forward((_ONE,), setting.ask()))
    await asyncio.sleep(0)
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe
    setting.runtimes.gate = None
    assert (await setting.forward((_ONE,), setting.ask())).target is _ONE


async def test_a_runtime_that_comes_back_is_probed_before_its_breaker_would(setting: Setting) -> None:
    table = RouteTable()
    table.change("alpha", "delays", lambda route: route.deployed(_ONE))
    watch = WatchTargets(table, setting.breakers, setting.runtimes, setting.clock)
    setting.runtimes.answers["1"] = [_AWAY] * 5
    for _ in range(2):
        with pytest.raises(Unavailable):
            await setting.forward((_ONE,), setting.ask())
    await watch.look()
    assert setting.breakers.of(_ONE).state is State.OPEN
    setting.runtimes.ready.add("1")
    await watch.look()
    assert (await setting.forward((_ONE,), setting.ask())).target is _ONE


async def test_breakers_of_targets_that_are_gone_are_forgotten(setting: Setting) -> None:
    await setting.fail(_ONE, Internal("internal error"), 5)
    await WatchTargets(RouteTable(), setting.breakers, setting.runtimes, setting.clock).look()
    assert setting.breakers._guarded == {}
