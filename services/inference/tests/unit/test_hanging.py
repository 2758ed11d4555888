"""Versions that hang are ejected by their own measure, and take no place of the others."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from fp_inference.domain.breaker import State
from fp_inference.domain.failures import FailureReason
from fp_inference.domain.routes import Target
from fp_kernel import (
    DeadlineExceeded,
    Unavailable,
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


async def test_a_target_whose_answers_take_ten_ms_is_ejected_by_callers_who_gave_it_a_hundred(setting: Any) -> None:
    for _ in range(60):
        setting.breakers.guarded(_ONE).pace.answered(0.01)
    for _ in range(5):
        setting.runtimes.answers["1"] = [DeadlineExceeded("late")]
        with pytest.raises(DeadlineExceeded):
            await setting.forward((_ONE,), setting.ask(seconds=0.1))
    assert setting.recorded_tries() == [("1", FailureReason.TIMEOUT)]
    assert setting.breakers.of(_ONE).state is State.OPEN


async def test_a_canary_that_hangs_from_its_first_call_on_is_judged_by_the_stable_version(setting: Any) -> None:
    for _ in range(60):
        setting.breakers.guarded(_ONE).pace.answered(0.01)
    for _ in range(5):
        setting.runtimes.answers["2"] = [DeadlineExceeded("late")]
        with pytest.raises(DeadlineExceeded):
            await setting.forward((_TWO, _ONE), setting.ask(seconds=0.1))
    assert setting.breakers.of(_TWO).state is State.OPEN
    assert setting.breakers.of(_ONE).state is State.CLOSED


@pytest.mark.parametrize(("waited", "tries"), [(2.0, [("1", FailureReason.TIMEOUT)]), (0.5, [])])
async def test_a_call_that_its_caller_ends_counts_when_it_had_lasted_long_enough(
    setting: Any, waited: float, tries: list[tuple[str, FailureReason]]
) -> None:
    setting.runtimes.hanging.add("1")
    call = asyncio.ensure_future(setting.forward((_ONE,), setting.ask()))
    await asyncio.sleep(0)
    setting.clock.advance(waited)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert setting.recorded_tries() == tries
    assert setting.breakers.of(_ONE).failures == len(tries)


async def test_a_version_that_hangs_takes_no_place_of_the_others(forwarding: Any) -> None:
    setting = forwarding(places=4)
    setting.runtimes.hanging.add("2")
    async with asyncio.TaskGroup() as group:
        hung = [group.create_task(setting.forward((_TWO, _ONE), setting.ask())) for _ in range(4)]
        await asyncio.sleep(0)
        # Calls that the split gives to the version that is full go to the other one, and none is refused.
        for targets in [(_TWO, _ONE), (_ONE, _TWO)] * 20:
            assert (await setting.forward(targets, setting.ask())).target is _ONE
        for call in hung:
            call.cancel()
    assert setting.runtimes.called.count("2") == 4
