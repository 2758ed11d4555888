"""A link to a real Redis, and to none."""

import asyncio

import pytest
from fp_kernel import Unavailable
from fp_redis import RedisClient, Script
from fp_testkit.wallclock import RunningClock
from redis.asyncio import Redis

PATIENCE = 60
COUNT = Script("return redis.call('INCRBY', KEYS[1], ARGV[1])")


@pytest.fixture
async def link(redis_url):
    opened = RedisClient.open(redis_url, RunningClock(), store="the shelf", timeout=PATIENCE)
    yield opened
    await opened.close()


async def test_commands_of_one_round_trip_are_answered_in_order(link):
    answers = await link.ask(("SET", "a", "1"), ("GET", "a"), ("HSET", "h", "x", "y"), ("HGETALL", "h"), ("GET", "b"))
    assert answers[1:] == [b"1", 1, {b"x": b"y"}, None]


async def test_a_new_connection_looks_into_no_installed_package(link, monkeypatch):
    """Files are read in the event loop, for each connection."""

    def looked():
        raise AssertionError("the package was looked into")

    monkeypatch.setattr("redis.utils.get_lib_version", looked)

    assert await link.ask(("GET", "a")) == [None]


async def test_a_script_the_store_has_not_seen_is_brought_to_it(link, redis_url):
    assert await link.run(COUNT, (["n"], [2]), (["n"], [3]), (["m"], [1])) == [2, 5, 1]
    async with Redis.from_url(redis_url) as other:
        await other.script_flush()
    assert await link.run(COUNT, (["n"], [1])) == [6]


async def test_what_is_published_is_heard_from_the_subscription_on(link):
    subscribed, heard = asyncio.Event(), asyncio.Queue(10)

    async def ready():
        subscribed.set()

    async def listen():
        async for data in link.listen("news", ready):
            heard.put_nowait(data)

    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        listening = group.create_task(listen())
        await subscribed.wait()
        await link.ask(("PUBLISH", "news", "one"), ("PUBLISH", "news", "two"))
        assert [await heard.get(), await heard.get()] == [b"one", b"two"]
        listening.cancel()


async def test_a_connection_that_the_server_closed_is_opened_again(link, redis_url):
    await link.ask(("SET", "a", "1"))
    async with Redis.from_url(redis_url) as other:
        await other.client_kill_filter(_type="normal", skipme=True)
    assert await link.ask(("GET", "a")) == [b"1"]


async def test_a_store_that_is_away_is_asked_once_a_second(clock):
    asked = 0

    async def refuse(_reader, writer):
        nonlocal asked
        asked += 1
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    link = RedisClient.open(f"redis://127.0.0.1:{port}", clock, store="the shelf", timeout=PATIENCE)
    with pytest.raises(Unavailable, match="the shelf is away") as error:
        await link.ask(("GET", "a"))
    assert error.value.retry_after == 1.0
    first = asked
    assert first > 0
    for _ in range(5):
        with pytest.raises(Unavailable):
            await link.run(COUNT, (["n"], [1]))
    assert asked == first
    clock.advance(1.1)
    with pytest.raises(Unavailable):
        await link.ask(("GET", "a"))
    assert asked > first
    await link.close()
    server.close()


async def test_a_store_that_is_back_is_used_again(redis_url, clock):
    gone = RedisClient.open("redis://127.0.0.1:9", clock, store="the shelf")
    with pytest.raises(Unavailable):
        await gone.ask(("GET", "a"))
    # The same link, whose server is there now.
    back = RedisClient.open(redis_url, clock, store="the shelf", timeout=PATIENCE)
    gone._redis = back._redis
    with pytest.raises(Unavailable):
        await gone.ask(("GET", "a"))
    clock.advance(1.1)
    assert await gone.ask(("GET", "a")) == [None]
    assert await gone.ask(("GET", "a")) == [None]
    await back.close()


async def test_nobody_to_listen_to_is_told_as_unavailable(clock):
    link = RedisClient.open("redis://127.0.0.1:9", clock, store="the shelf")

    async def never():
        raise AssertionError("there is nothing to subscribe to")

    with pytest.raises(Unavailable, match="the shelf is away"):
        await anext(link.listen("news", never))
    await link.close()


class Silent:
    """A server that takes connections and never answers; `calls` counts what was asked."""

    def __init__(self):
        self.calls = 0
        self._writers = []

    async def start(self):
        self._server = await asyncio.start_server(self._listen, "127.0.0.1", 0)
        return self._server.sockets[0].getsockname()[1]

    async def _listen(self, reader, writer):
        self._writers.append(writer)
        self.calls += 1
        while await reader.read(1_000):
            pass

    def close(self):
        for writer in self._writers:
            writer.close()
        self._server.close()


async def test_one_caller_finds_out_whether_a_silent_store_is_back(clock):
    server = Silent()
    port = await server.start()
    link = RedisClient.open(f"redis://127.0.0.1:{port}", clock, store="the shelf", timeout=0.2)
    with pytest.raises(Unavailable):
        await link.ask(("GET", "a"))
    asked = server.calls
    clock.advance(1.1)
    answers = await asyncio.gather(*(link.ask(("GET", "a")) for _ in range(100)), return_exceptions=True)
    assert {type(answer) for answer in answers} == {Unavailable}
    assert server.calls == asked + 1
    await link.close()
    server.close()


async def test_a_refused_command_is_nobody_elses_trouble(link):
    await link.ask(("SET", "text", "a"))
    with pytest.raises(Unavailable, match="refused a command") as raised:
        await link.ask(("LPUSH", "text", "b"))
    assert raised.value.retry_after is None
    with pytest.raises(Unavailable, match="refused a command"):
        await link.run(Script("return redis.call('NO SUCH COMMAND')"), ([], []))
    assert await link.ask(("GET", "text")) == [b"a"]


async def test_a_busy_pool_is_no_outage(redis_url):
    link = RedisClient.open(redis_url, RunningClock(), store="the shelf", timeout=PATIENCE)
    link._seats = asyncio.Semaphore(0)
    link._patience = 0.01
    with pytest.raises(Unavailable, match="in use"):
        await link.ask(("GET", "a"))
    await link.ping()
    link._seats.release()
    assert await link.ask(("GET", "a")) == [None]
    await link.close()
