"""Answers that wait for the windows of their client."""

import asyncio

import pytest
from fp_rpc.http2.frames import FIRST_WINDOW, LARGEST
from fp_rpc.http2.noise import Noise
from fp_rpc.http2.outgoing import Outgoing

MANY = 1_000


class Transport:
    def is_closing(self):
        return False

    def write(self, data):
        pass


class Waiting:
    """A stream that counts how often it is asked for its window."""

    def __init__(self, number, size):
        self.number = number
        self.held = bytearray(size)
        self.asked = 0
        self._window = 0

    @property
    def window(self):
        self.asked += 1
        return self._window

    @window.setter
    def window(self, window):
        self._window = window

    def released(self):
        pass


@pytest.fixture
async def outgoing():
    return Outgoing(Transport(), asyncio.get_running_loop(), Noise(10.0))


def asked(streams):
    return sum(stream.asked for stream in streams)


async def test_a_thousand_answers_behind_shut_windows_do_not_ask_for_each_other(outgoing):
    outgoing.resize(0)
    streams = [Waiting(number, 10) for number in range(MANY)]
    for stream in streams:
        outgoing.hold(stream)
    for _ in range(MANY):
        outgoing.widen(1)
    for stream in streams:
        outgoing.widen_stream(stream, 10)

    assert not any(stream.held for stream in streams)
    assert asked(streams) < 20 * MANY


async def test_streams_that_wait_for_the_window_of_the_connection_take_turns(outgoing):
    outgoing.resize(10 * FIRST_WINDOW)
    first, second = Waiting(1, FIRST_WINDOW + 4 * LARGEST), Waiting(3, 4 * LARGEST)
    outgoing.hold(first)
    outgoing.hold(second)

    for _ in range(4):
        outgoing.widen(LARGEST)

    assert len(first.held) == len(second.held) == 2 * LARGEST


async def test_a_wider_first_window_opens_streams_that_wait(outgoing):
    outgoing.resize(0)
    stream = Waiting(1, 10)
    outgoing.hold(stream)

    outgoing.resize(4)
    assert len(stream.held) == 6
    outgoing.resize(100)

    assert not stream.held
