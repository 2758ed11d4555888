"""When a connection is read, and how much of what it sent at once is taken before others have their turn."""

import asyncio

import grpc
import pytest_asyncio
from fp_rpc.http2 import frames
from fp_rpc.http2.connection import Connection
from fp_rpc.http2.frames import Code
from fp_rpc.http2.listener import Http2Policy, Http2Server
from hpack import Encoder

from libs.rpc.tests.component.raw_http2 import CALL, GRPC

TURN = 64


class Pipe(asyncio.Transport):
    """A transport that says whether it is read."""

    reading, closing = True, False

    def write(self, data):
        pass

    def is_closing(self):
        return self.closing

    def close(self):
        self.closing = True

    def pause_reading(self):
        assert self.reading
        self.reading = False

    def resume_reading(self):
        assert not self.reading
        self.reading = True


class Silent(grpc.GenericRpcHandler):
    """Counts its calls and answers none."""

    begun = 0

    def service(self, details):
        async def begin(requests, context):
            self.begun += 1
            await asyncio.Event().wait()

        return grpc.stream_unary_rpc_method_handler(begin)


@pytest_asyncio.fixture
async def calls():
    return Silent()


@pytest_asyncio.fixture
async def pipe():
    return Pipe()


@pytest_asyncio.fixture
async def connection(pipe, calls):
    server = Http2Server(
        Http2Policy(calls=10_000, streams=10_000, header_bytes=12_000, shortest_ping=1.0, largest_message=1)
    )
    server.add_generic_rpc_handlers([calls])
    connection = Connection(server, asyncio.get_running_loop())
    connection.connection_made(pipe)
    connection.data_received(frames.PREFACE)
    yield connection
    connection.connection_lost(None)


def heads(count, *, reset=False):
    block = Encoder().encode([*CALL, *GRPC])
    for number in range(1, 2 * count, 2):
        yield frames.frame(frames.HEADERS, frames.END_HEADERS, number, block)
        if reset:
            yield frames.reset(number, Code.CANCEL)


async def test_who_does_not_read_his_answers_is_not_listened_to(connection, pipe):
    connection.pause_writing()
    deaf = pipe.reading
    connection.resume_writing()

    assert (deaf, pipe.reading) == (False, True)


async def test_of_what_one_connection_sends_at_once_a_part_is_begun_before_others_have_their_turn(
    connection, pipe, calls, until
):
    connection.data_received(b"".join(heads(10 * TURN)))

    assert connection.streams.begun == TURN
    assert not pipe.reading
    await until(lambda: calls.begun == 10 * TURN)
    assert pipe.reading


async def test_calls_that_are_reset_at_once_take_no_more_places_than_two_turns_begin(connection):
    most = 0
    connection.data_received(b"".join(heads(1_000, reset=True)))
    while connection.streams.begun < 1_000 or connection.streams.running:
        most = max(most, len(connection.streams.running))
        await asyncio.sleep(0)

    assert most <= 2 * TURN


async def test_what_comes_while_a_part_waits_is_taken_behind_it(connection, calls, until):
    pieces = b"".join(heads(3 * TURN))
    connection.data_received(pieces[:-20])
    connection.data_received(pieces[-20:])

    await until(lambda: calls.begun == 3 * TURN)


async def test_who_reads_nothing_meanwhile_is_read_when_he_has_read(connection, pipe, calls, until):
    connection.data_received(b"".join(heads(2 * TURN)))
    connection.pause_writing()
    await until(lambda: calls.begun == 2 * TURN)
    assert not pipe.reading
    connection.resume_writing()

    assert pipe.reading


async def test_a_connection_that_ends_takes_nothing_of_what_waits(connection, pipe, calls):
    connection.data_received(b"".join(heads(2 * TURN)))
    connection.end()
    for _ in range(10):
        await asyncio.sleep(0)

    assert connection.streams.begun == TURN
