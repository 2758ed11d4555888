"""What deadlines keep of calls, and when they end them."""

import asyncio

import pytest
from fp_rpc.http2.deadlines import Deadlines


class Loop:
    """A clock that is set, and the timers that wait for it."""

    def __init__(self):
        self.now = 0.0
        self.timers = []

    def time(self):
        return self.now

    def call_at(self, at, look):
        timer = asyncio.TimerHandle(at, look, (), self)
        self.timers.append(timer)
        return timer

    def pass_until(self, at):
        self.now = at
        due, self.timers = self.timers, []
        for timer in due:
            if not timer.cancelled():
                timer._run() if timer.when() <= at else self.timers.append(timer)

    def get_debug(self):
        return False

    def _timer_handle_cancelled(self, timer):
        pass


class Call:
    def __init__(self, deadline):
        self.deadline = deadline
        self.late = self.cancelled = False
        self.due = None

    def cancel(self):
        self.cancelled = True


@pytest.fixture
def loop():
    return Loop()


def test_calls_with_a_deadline_each_leave_nothing_when_they_end(loop):
    deadlines = Deadlines(loop)
    deadlines.add(Call(10.0))
    for number in range(1_000):
        call = Call(3_600.0 + number)
        deadlines.add(call)
        deadlines.drop(call)

    assert len(deadlines._due) == 1


def test_a_call_that_ended_leaves_the_later_ones_their_deadlines(loop):
    deadlines = Deadlines(loop)
    first, beside, later = Call(10.0), Call(10.0), Call(20.0)
    for call in (first, beside, later):
        deadlines.add(call)
    deadlines.drop(first)

    loop.pass_until(10.5)
    assert [call.late for call in (first, beside, later)] == [False, True, False]
    loop.pass_until(20.5)
    assert later.late
    assert later.cancelled
    deadlines.drop(later)
