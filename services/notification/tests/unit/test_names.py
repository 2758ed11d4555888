"""Look-ups of names: a zone that never answers stalls nobody else."""

import asyncio
import threading

import pytest
from fp_notification.adapters.names import Names
from fp_testkit.patience import PATIENCE


class Servers:
    """Of names: those of silent.test do not answer until the test ends."""

    def __init__(self):
        self.end, self.asked, self.lock = threading.Event(), [], threading.Lock()

    def __call__(self, host, port):
        with self.lock:
            self.asked.append(host)
        if host.endswith("silent.test"):
            self.end.wait(PATIENCE)
        if host == "nobody.test":
            raise OSError
        return ["192.0.2.1"]


@pytest.fixture
def servers():
    made = Servers()
    yield made
    made.end.set()


async def test_a_zone_that_never_answers_takes_two_threads_and_stalls_nobody(servers):
    names = Names(PATIENCE, servers)
    silent = [asyncio.create_task(names(f"host-{number}.silent.test", 443)) for number in range(500)]
    async with asyncio.timeout(PATIENCE):
        assert await asyncio.gather(*(names(f"host.well-{number}.test", 443) for number in range(100)))
    assert sum(host.endswith("silent.test") for host in servers.asked) == 2
    for task in silent:
        task.cancel()
    assert all(isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*silent, return_exceptions=True))


async def test_many_names_of_a_zone_that_answers_wait_for_each_other_and_are_found(servers):
    names = Names(PATIENCE, servers)
    assert len(await asyncio.gather(*(names(f"host-{number}.well.test", 443) for number in range(40)))) == 40


async def test_a_zone_is_asked_again_when_it_answers_again(servers):
    names = Names(0.01, servers)
    for number in range(4):
        with pytest.raises(TimeoutError):
            await names(f"host-{number}.silent.test", 443)
    servers.end.set()
    names._timeout = PATIENCE
    assert await names("host-9.silent.test", 443) == ["192.0.2.1"]


async def test_a_name_without_address_is_told_so(servers):
    with pytest.raises(OSError):
        await Names(PATIENCE, servers)("nobody.test", 443)


async def test_the_system_is_asked_by_default():
    assert "127.0.0.1" in await Names(PATIENCE)("127.0.0.1", 443)
