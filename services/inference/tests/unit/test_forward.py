"""From a chosen target to its answer."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from fp_inference.app.route_table import RouteTable
from fp_inference.app.watch_targets import WatchTargets
from fp_inference.domain.breaker import State
from fp_inference.domain.failures import FailureReason
from fp_inference.domain.routes import Target
from fp_kernel import (
    DeadlineExceeded,
    Error,
    FailedPrecondition,
    Internal,
    InvalidArgument,
    NotFound,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
    invalid,
)
from fp_kernel.tensors import ElementType, Tensor

_OUTPUTS = {"y": Tensor(ElementType.FLOAT32, (1,), b"\0" * 4)}
_AWAY = Unavailable("connection refused")


def _target(version: str) -> Target:
    return Target("m", f"id-{version}", version, f"host:{version}", 10_000, 1, datetime(2013, 1, 1, tzinfo=UTC))


_ONE, _TWO = _target("1"), _target("2")


@pytest.fixture
def setting(forwarding: Any) -> Any:
    return forwarding()


async def test_the_preferred_target_answers(setting: Any) -> None:
    answer = await setting.forward((_ONE, _TWO), setting.ask())
    assert (answer.target, answer.outputs) == (_ONE, _OUTPUTS)


async def test_a_target_that_is_away_is_replaced_by_another_one(setting: Any) -> None:
    setting.runtimes.answers["1"] = [_AWAY]
    assert (await setting.forward((_ONE, _TWO), setting.ask())).target is _TWO
    assert setting.runtimes.called == ["1", "2"]
    assert setting.recorded_tries() == [("1", FailureReason.UPSTREAM_ERROR), ("2", None)]


async def test_the_only_target_is_asked_again(setting: Any) -> None:
    setting.runtimes.answers["1"] = [_AWAY, _AWAY]
    assert (await setting.forward((_ONE,), setting.ask())).target is _ONE
    assert setting.runtimes.called == ["1", "1", "1"]


async def test_attempts_are_bounded(setting: Any) -> None:
    setting.runtimes.answers["1"] = [_AWAY] * 9
    with pytest.raises(Unavailable) as caught:
        await setting.forward((_ONE,), setting.ask())
    assert caught.value.retry_after
    assert setting.recorded_tries() == [("1", FailureReason.UPSTREAM_ERROR)] * 3


async def test_without_budget_nothing_is_tried_again(setting: Any) -> None:
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
async def test_what_is_not_unavailable_is_told_at_once(setting: Any, said: Error, heard: type[Error]) -> None:
    setting.runtimes.answers["1"] = [said]
    with pytest.raises(heard):
        await setting.forward((_ONE, _TWO), setting.ask())
    assert setting.runtimes.called == ["1"]


@pytest.mark.parametrize(
    "said",
    [NotFound("another model", reason="WRONG_RUNTIME"), FailedPrecondition("failed"), Unauthenticated("bad token")],
)
async def test_what_a_runtime_has_against_this_service_is_no_business_of_the_caller(setting: Any, said: Error) -> None:
    setting.runtimes.answers["1"] = [said] * 3
    with pytest.raises(Unavailable) as caught:
        await setting.forward((_ONE,), setting.ask())
    assert said.message not in caught.value.message


async def test_five_failures_open_the_breaker_and_the_next_call_does_not_leave(setting: Any) -> None:
    await setting.fail(_ONE, Internal("internal error"), 5)
    before = len(setting.runtimes.called)
    with pytest.raises(Unavailable) as caught:
        await setting.forward((_ONE,), setting.ask())
    assert caught.value.reason == "CIRCUIT_OPEN"
    assert caught.value.retry_after == pytest.approx(30.0)
    assert len(setting.runtimes.called) == before
    assert setting.recorded_tries() == []


async def test_an_open_breaker_sends_the_call_to_another_target(setting: Any) -> None:
    await setting.fail(_ONE, Internal("internal error"), 5)
    assert (await setting.forward((_ONE, _TWO), setting.ask())).target is _TWO


async def test_bad_requests_never_open_the_breaker(setting: Any) -> None:
    await setting.fail(_ONE, invalid("inputs", "bad"), 50)
    await setting.fail(_ONE, ResourceExhausted("full"), 50)
    assert setting.breakers.of(_ONE).state is State.CLOSED


async def test_a_caller_in_a_hurry_does_not_open_the_breaker(setting: Any) -> None:
    for _ in range(20):
        setting.runtimes.answers["1"] = [DeadlineExceeded("late")]
        with pytest.raises(DeadlineExceeded):
            await setting.forward((_ONE,), setting.ask(seconds=0.5))
    assert setting.breakers.of(_ONE).state is State.CLOSED
    await setting.fail(_ONE, DeadlineExceeded("late"), 5)
    assert setting.breakers.of(_ONE).state is State.OPEN


async def test_a_call_without_time_is_not_made(setting: Any) -> None:
    with pytest.raises(DeadlineExceeded):
        await setting.forward((_ONE,), setting.ask(seconds=0.0))
    assert setting.runtimes.called == []


async def test_a_full_bulkhead_gives_the_probe_to_someone_else(setting: Any) -> None:
    await setting.fail(_ONE, Internal("internal error"), 5)
    setting.clock.advance(31.0)
    async with setting.targets.enter(("id-1", "host:1"), 1.0):
        with pytest.raises(ResourceExhausted):
            await setting.forward((_ONE,), setting.ask())
    assert setting.recorded_tries() == []
    assert (await setting.forward((_ONE,), setting.ask())).target is _ONE


async def test_a_caller_that_leaves_gives_place_and_probe_back(setting: Any) -> None:
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


async def test_a_runtime_that_comes_back_is_probed_before_its_breaker_would(setting: Any) -> None:
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


async def test_breakers_of_targets_that_are_gone_are_forgotten(setting: Any) -> None:
    await setting.fail(_ONE, Internal("internal error"), 5)
    await WatchTargets(RouteTable(), setting.breakers, setting.runtimes, setting.clock).look()
    assert setting.breakers._guarded == {}
