"""Memory goes back to the system after a peak."""

import ctypes
import subprocess
import sys

import pytest
from fp_runtime.trimming import Trimming, trimming

MEBIBYTE = 2**20
PROGRAM = """
import asyncio, ctypes, sys
from fp_runtime.trimming import trimming

def resident():
    with open("/proc/self/smaps_rollup") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Rss")) / 1024

library = ctypes.CDLL(None)
library.malloc.restype = ctypes.c_void_p
library.free.argtypes = [ctypes.c_void_p]
memory = trimming()
before = resident()
blocks = [library.malloc(64_000) for _ in range(1_000)]
for block in blocks:
    ctypes.memset(block, 1, 64_000)
above = library.malloc(64_000)  # what lives on above them
for block in blocks:
    library.free(block)
held = resident() - before
asyncio.run(memory.look())
sys.stdout.write(f"{held} {resident() - before}")
"""


class Allocator:
    def __init__(self):
        self.free, self.resident, self.times = 0, 100 * MEBIBYTE, 0

    def give_back(self):
        self.times += 1
        self.resident = 100 * MEBIBYTE


@pytest.fixture
def allocator():
    return Allocator()


@pytest.fixture
def memory(allocator):
    return Trimming(lambda: allocator.free, lambda: allocator.resident, allocator.give_back)


async def test_nothing_is_given_back_while_little_is_free(allocator, memory):
    allocator.free = 3 * MEBIBYTE
    await memory.look()

    assert allocator.times == 0


async def test_what_was_freed_is_given_back_once(allocator, memory):
    allocator.free = 60 * MEBIBYTE
    await memory.look()
    await memory.look()

    assert allocator.times == 1


async def test_what_was_given_back_used_and_freed_is_given_back_again(allocator, memory):
    for free in (60, 2, 50):
        allocator.free = free * MEBIBYTE
        await memory.look()

    assert allocator.times == 2


async def test_what_was_used_and_freed_between_two_looks_is_given_back_again(allocator, memory):
    allocator.free = 60 * MEBIBYTE
    await memory.look()
    allocator.resident += 50 * MEBIBYTE
    await memory.look()

    assert allocator.times == 2


async def test_a_process_that_grows_and_has_nothing_free_is_left_alone(allocator, memory):
    allocator.resident += 500 * MEBIBYTE
    await memory.look()

    assert allocator.times == 0


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="another C library")
def test_a_process_gives_back_what_lies_below_something_that_lives_on():
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    held, left = map(float, ran.stdout.split())

    assert held > 50
    assert left < 10


def test_where_there_is_no_such_allocator_nothing_is_done(monkeypatch):
    monkeypatch.setattr("sys.platform", "darwin")

    assert trimming() is None
