"""The threads that run the model."""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from fp_kernel import Clock, DeadlineExceeded, Internal, InvalidArgument, ResourceExhausted, Unavailable, invalid
from fp_kernel.signatures import TensorSpec
from fp_kernel.tensors import ElementType
from fp_serving.adapters.loop_runs import QUICK
from fp_serving.adapters.runner import BatchRunner
from fp_serving.domain.arrays import decode
from fp_serving.domain.batching import BatchPolicy
from fp_serving.domain.schema import Schema
from fp_testkit.clock import ManualClock
from fp_testkit.patience import PATIENCE
from fp_testkit.wallclock import RunningClock

Arrays = Mapping[str, np.ndarray[Any, Any]]
_SCHEMA = Schema(
    (TensorSpec("x", ElementType.FLOAT32, (-1,)),),
    (TensorSpec("y", ElementType.FLOAT32, (-1,)),),
)
_NEVER = float("inf")
_QUICK = QUICK / 10


class Doubling:
    """Doubles; refuses negative numbers, breaks at 99, waits for `gate`."""

    schema = _SCHEMA
    row_wise = True
    widens = False

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.started = threading.Event()
        self.runs: list[list[float]] = []
        self.threads: set[int] = set()
        self.during: Callable[[], object] = lambda: None

    def run(self, inputs: Arrays) -> Arrays:
        self.started.set()
        assert self.gate.wait(PATIENCE)
        x = inputs["x"]
        self.runs.append(x.tolist())
        self.threads.add(threading.get_ident())
        self.during()
        if (x < 0).any():
            raise invalid("inputs", "negative")
        if (x == 99).any():
            raise ValueError("secret of the model")
        return {"y": x * 2}


def _runner(
    model: Doubling,
    *,
    shares: bool = True,
    max_waiting_rows: int = 100,
    seconds: float = _NEVER,
    clock: Clock | None = None,
    computed: Callable[[], float] = time.thread_time,
) -> BatchRunner:
    policy = BatchPolicy(max_rows=8, max_delay=0.0, max_waiting_rows=max_waiting_rows)
    runner = BatchRunner(policy, threads=1, clock=clock or RunningClock(), computed=computed)
    runner.start(model, shares=shares, seconds=seconds)
    return runner


async def _ask(runner: BatchRunner, value: float, deadline: float = _NEVER) -> float:
    answer = await runner.submit({"x": np.array([value], np.float32)}, key="k", rows=1, deadline=deadline)
    return float(decode(answer["y"], "y")[0])


async def _until(condition: Callable[[], bool]) -> None:
    """Lets other tasks of the loop go on until it holds."""
    for _ in range(1_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("never happened")


async def _together(runner: BatchRunner, model: Doubling, values: list[float]) -> list[Any]:
    """All of them wait while a first request keeps the only thread busy."""
    model.gate.clear()
    first = asyncio.ensure_future(_ask(runner, 1.0))
    await asyncio.to_thread(model.started.wait, 10)
    rest = [asyncio.ensure_future(_ask(runner, value)) for value in values]
    await _until(lambda: runner._batcher.rows == len(values))
    # One line, also of those that run alone: to find the next one never means to look at all.
    assert len(runner._batcher._lines) == 1
    model.gate.set()
    answers = await asyncio.gather(*rest, return_exceptions=True)
    assert await first == 2.0
    return answers


async def test_what_waits_while_a_run_is_busy_shares_the_next_run() -> None:
    model = Doubling()
    runner = _runner(model)
    assert await _together(runner, model, [2.0, 3.0, 4.0]) == [4.0, 6.0, 8.0]
    assert model.runs == [[1.0], [2.0, 3.0, 4.0]]
    await runner.close()


async def test_one_bad_request_does_not_fail_its_neighbours() -> None:
    model = Doubling()
    runner = _runner(model)
    answers = await _together(runner, model, [2.0, -3.0, 99.0, 4.0])
    assert [answers[0], answers[3]] == [4.0, 8.0]
    assert isinstance(answers[1], InvalidArgument)
    assert isinstance(answers[2], Internal)
    assert "secret" not in str(answers[2])
    assert await _ask(runner, 5.0) == 10.0
    await runner.close()


async def test_requests_run_alone_when_the_model_cannot_share() -> None:
    model = Doubling()
    runner = _runner(model, shares=False)
    assert await _together(runner, model, [2.0, 3.0]) == [4.0, 6.0]
    assert model.runs == [[1.0], [2.0], [3.0]]
    await runner.close()


async def test_a_request_whose_time_is_over_never_reaches_the_model() -> None:
    model = Doubling()
    runner = _runner(model)
    with pytest.raises(DeadlineExceeded):
        await _ask(runner, 1.0, deadline=RunningClock().monotonic())
    assert model.runs == []
    await runner.close()


async def test_a_caller_that_left_costs_no_run() -> None:
    model = Doubling()
    runner = _runner(model)
    model.gate.clear()
    first = asyncio.ensure_future(_ask(runner, 1.0))
    await asyncio.to_thread(model.started.wait, 10)
    gone = asyncio.ensure_future(_ask(runner, 2.0))
    await _until(lambda: runner._batcher.rows == 1)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    model.gate.set()
    assert await first == 2.0
    assert await _ask(runner, 3.0) == 6.0
    assert model.runs == [[1.0], [3.0]]
    await runner.close()


async def test_a_full_queue_refuses_and_the_rest_is_answered() -> None:
    model = Doubling()
    runner = _runner(model, max_waiting_rows=2)
    answers = await _together(runner, model, [2.0, 3.0])
    assert answers == [4.0, 6.0]
    model.gate.clear()
    model.started.clear()
    held = [asyncio.ensure_future(_ask(runner, 1.0))]
    await asyncio.to_thread(model.started.wait, 10)
    held += [asyncio.ensure_future(_ask(runner, value)) for value in (2.0, 3.0)]
    await _until(lambda: runner._batcher.rows == 2)
    with pytest.raises(ResourceExhausted):
        await _ask(runner, 4.0)
    model.gate.set()
    assert await asyncio.gather(*held) == [2.0, 4.0, 6.0]
    await runner.close()


async def test_a_closed_runner_answers_what_waits_and_takes_nothing_new() -> None:
    model = Doubling()
    runner = _runner(model)
    model.gate.clear()
    held = asyncio.ensure_future(_ask(runner, 1.0))
    await asyncio.to_thread(model.started.wait, 10)
    closing = asyncio.ensure_future(runner.close())
    await _until(lambda: runner._closed)
    with pytest.raises(Unavailable):
        await _ask(runner, 2.0)
    model.gate.set()
    await closing
    assert await held == 2.0


async def test_requests_of_one_turn_share_a_run_of_a_quick_model() -> None:
    model = Doubling()
    runner = _runner(model, seconds=_QUICK)
    assert await asyncio.gather(*(_ask(runner, float(value)) for value in range(10))) == [2.0 * v for v in range(10)]
    assert model.runs == [[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], [8.0, 9.0]]
    assert model.threads == {threading.get_ident()}
    await runner.close()


async def test_a_bad_request_of_a_quick_model_does_not_fail_its_neighbours() -> None:
    model = Doubling()
    runner = _runner(model, seconds=_QUICK)
    answers = await asyncio.gather(*(_ask(runner, value) for value in (2.0, -3.0, 99.0)), return_exceptions=True)
    assert answers[0] == 4.0
    assert isinstance(answers[1], InvalidArgument)
    assert isinstance(answers[2], Internal)
    await runner.close()


async def test_requests_of_a_quick_model_run_alone_when_it_cannot_share() -> None:
    model = Doubling()
    runner = _runner(model, shares=False, seconds=_QUICK)
    await asyncio.gather(_ask(runner, 1.0), _ask(runner, 2.0))
    assert model.runs == [[1.0], [2.0]]
    await runner.close()


@pytest.mark.parametrize(("seconds", "rows"), [(QUICK, 6), (QUICK * 1.01, 1), (_NEVER, 1)])
async def test_what_may_take_longer_is_no_matter_of_the_loop(seconds: float, rows: int) -> None:
    model = Doubling()
    runner = _runner(model, seconds=seconds)
    await runner.submit({"x": np.ones(rows, np.float32)}, key="k", rows=rows, deadline=_NEVER)
    assert threading.get_ident() not in model.threads
    await runner.close()


async def test_a_run_that_computed_long_on_the_loop_was_the_last_one_there() -> None:
    model, computing = Doubling(), ManualClock()
    runner = _runner(model, seconds=_QUICK, computed=computing.monotonic)
    model.during = lambda: computing.advance(1.0)
    await _ask(runner, 1.0)
    model.during = lambda: None
    await _ask(runner, 2.0)
    assert len(model.threads) == 2
    await runner.close()


async def test_a_run_that_others_held_up_leaves_the_model_on_the_loop() -> None:
    model, clock = Doubling(), ManualClock()
    runner = _runner(model, seconds=_QUICK, clock=clock)
    model.during = lambda: clock.advance(1.0)
    assert [await _ask(runner, value) for value in (1.0, 2.0)] == [2.0, 4.0]
    assert model.threads == {threading.get_ident()}
    await runner.close()


async def test_too_much_that_waits_for_the_loop_is_refused() -> None:
    model = Doubling()
    runner = _runner(model, max_waiting_rows=2, seconds=_QUICK)
    answers = await asyncio.gather(*(_ask(runner, value) for value in (1.0, 2.0, 3.0)), return_exceptions=True)
    assert answers[:2] == [2.0, 4.0]
    assert isinstance(answers[2], ResourceExhausted)
    await runner.close()


class Observed:
    def __init__(self) -> None:
        self.waits: list[float] = []
        self.runs: list[tuple[int, float]] = []

    def waited(self, seconds: float) -> None:
        self.waits.append(seconds)

    def ran(self, rows: int, seconds: float) -> None:
        self.runs.append((rows, seconds))


@pytest.mark.parametrize("seconds", [_NEVER, _QUICK])
async def test_the_wait_of_a_request_and_the_time_of_its_run_are_measured_apart(seconds: float) -> None:
    model, clock, observed = Doubling(), ManualClock(), Observed()
    policy = BatchPolicy(max_rows=8, max_delay=0.0, max_waiting_rows=100)
    runner = BatchRunner(policy, threads=1, clock=clock, observer=observed)
    model.during = lambda: clock.advance(3.0)
    runner.start(model, shares=False, seconds=seconds)
    model.gate.clear()
    if seconds == _NEVER:
        first = asyncio.ensure_future(_ask(runner, 1.0))
        await asyncio.to_thread(model.started.wait, 10)
        second = asyncio.ensure_future(_ask(runner, 2.0))
        await _until(lambda: runner._batcher.rows == 1)
        model.gate.set()
        answers = await asyncio.gather(first, second)
    else:
        model.gate.set()
        answers = await asyncio.gather(_ask(runner, 1.0), _ask(runner, 2.0))
    assert answers == [2.0, 4.0]
    assert observed.runs == [(1, 3.0), (1, 3.0)]
    # The second waited for the whole run of the first.
    assert observed.waits == [0.0, 3.0]
    await runner.close()
