"""Questions of many callers over one connection."""

import asyncio
from contextlib import suppress

import pytest
from fp_kernel import Unavailable
from fp_redis import RedisClient
from fp_redis.pipe import Pipe
from fp_testkit.patience import PATIENCE
from fp_testkit.wallclock import RunningClock
from redis.asyncio import Redis
from redis.exceptions import TimeoutError as NotAnswered


@pytest.fixture
async def link(redis_url):
    opened = RedisClient.open(redis_url, RunningClock(), store="the shelf", timeout=PATIENCE)
    yield opened
    await opened.close()


class Connection:
    """Of a pool, as far as the pipe uses it."""

    def __init__(self, server):
        self._server = server

    async def connect(self):
        _, self._writer = await asyncio.open_connection(*self._server.sockets[0].getsockname())

    def _close(self):
        self._writer.close()


class SlowStore:
    """Answers the questions of a connection once `go_on` is set, with the connection's number. It is its own pool."""

    def __init__(self):
        self.connections = 0
        self.go_on = asyncio.Event()
        self._serving = []

    async def start(self):
        self.server = await asyncio.start_server(self._accept, "127.0.0.1", 0)

    def make_connection(self):
        return Connection(self.server)

    async def _accept(self, reader, writer):
        self._serving.append(asyncio.current_task())
        self.connections += 1
        number = self.connections
        with suppress(ConnectionError):
            while await reader.read(65_536):
                await self.go_on.wait()
                writer.write(b":%d\r\n" % number)
        writer.close()

    async def stop(self):
        self.go_on.set()
        self.server.close()
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*self._serving)


async def test_each_gets_its_own_answer(link):
    await link.ask(*(("SET", f"key {number}", number) for number in range(100)))

    async with asyncio.timeout(PATIENCE):
        found = await asyncio.gather(*(link.ask_together(("GET", f"key {number}")) for number in range(100)))

    assert found == [b"%d" % number for number in range(100)]


async def test_all_who_ask_share_a_connection(link, redis_url):
    await asyncio.gather(*(link.ask_together(("GET", "a")) for _ in range(50)))

    async with Redis.from_url(redis_url) as other:
        clients = await other.client_list()
    assert len([each for each in clients if each["cmd"] == "get"]) == 1


async def test_who_gives_up_takes_nobody_along(link):
    await link.ask(("SET", "a", 1), ("SET", "b", 2))
    first, second = (asyncio.ensure_future(link.ask_together(("GET", key))) for key in "ab")
    await asyncio.sleep(0)
    first.cancel()

    async with asyncio.timeout(PATIENCE):
        assert await second == b"2"
        assert await link.ask_together(("GET", "a")) == b"1"


async def test_a_command_that_is_refused_fails_alone(link):
    await link.ask(("SET", "a", 1))
    refused, answered = await asyncio.gather(
        link.ask_together(("HGET", "a", "x")), link.ask_together(("GET", "a")), return_exceptions=True
    )

    assert isinstance(refused, Unavailable)
    assert answered == b"1"


async def test_a_connection_that_was_closed_is_opened_again(link, redis_url):
    await link.ask_together(("GET", "a"))
    async with Redis.from_url(redis_url) as other:
        await other.client_kill_filter(_type="normal", skipme=True)

    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                assert await link.ask_together(("ECHO", "there")) == b"there"
            except Unavailable:
                await asyncio.sleep(0.05)
            else:
                return


async def test_an_answer_that_came_too_late_is_nobody_elses():
    store = SlowStore()
    await store.start()
    pipe = Pipe(store, 0.05)
    with pytest.raises(NotAnswered):
        await pipe.ask(("GET", "a"))
    store.go_on.set()

    async with asyncio.timeout(PATIENCE):
        while True:
            # Each may be as slow on a slow machine.
            with suppress(NotAnswered):
                assert await pipe.ask(("GET", "a")) > 1
                break
    await pipe.close()
    await store.stop()


async def test_all_who_waited_beside_one_that_was_not_answered_hear_of_it():
    store = SlowStore()
    await store.start()
    pipe = Pipe(store, 0.05)
    found = await asyncio.gather(pipe.ask(("GET", "a")), pipe.ask(("GET", "b")), return_exceptions=True)
    assert all(isinstance(each, NotAnswered) for each in found)
    await pipe.close()
    await store.stop()
