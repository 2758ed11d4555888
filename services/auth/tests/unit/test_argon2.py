import asyncio
import threading

import argon2
from fp_auth.adapters.argon2 import Argon2Hasher
from fp_testkit.patience import PATIENCE

CHEAP = argon2.Parameters(
    type=argon2.Type.ID, version=19, salt_len=8, hash_len=16, time_cost=1, memory_cost=8, parallelism=1
)


async def test_only_the_right_password_verifies():
    hasher = Argon2Hasher(CHEAP)
    stored = await hasher.hash("a-river-and-9-lanterns")
    assert await hasher.verify(stored, "a-river-and-9-lanterns")
    assert not await hasher.verify(stored, "a-river-and-8-lanterns")
    assert not await hasher.verify("no hash at all", "a-river-and-9-lanterns")


async def test_an_unknown_user_is_hashed_for_and_never_verified():
    hasher = Argon2Hasher(CHEAP)
    assert not await hasher.verify(None, "no user has this password")


async def test_a_letter_is_the_same_however_a_keyboard_writes_it():
    hasher = Argon2Hasher(CHEAP)
    composed, decomposed = "caf\u00e9-and-9-lanterns", "cafe\u0301-and-9-lanterns"
    assert await hasher.verify(await hasher.hash(composed), decomposed)


async def test_the_default_is_argon2id_with_19_mebibytes_and_two_passes():
    hasher = Argon2Hasher()
    stored = await hasher.hash("a-river-and-9-lanterns")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await hasher.verify(stored, "a-river-and-9-lanterns")
    assert not hasher.outdated(stored)
    assert hasher.outdated(await Argon2Hasher(CHEAP).hash("a-river-and-9-lanterns"))


async def test_a_flood_of_logins_takes_the_memory_and_the_processor_of_one(monkeypatch):
    hasher, pair, met = Argon2Hasher(CHEAP), threading.Barrier(2, timeout=0.5), []

    def verify(password_hash, password):
        try:
            pair.wait()
        except threading.BrokenBarrierError:
            return False
        met.append(password)
        return False

    monkeypatch.setattr(hasher, "_verify", verify)
    await asyncio.gather(*(hasher.verify(None, "x") for _ in range(10)))

    assert met == []


async def test_a_hash_that_nobody_waits_for_any_more_is_still_the_only_one(monkeypatch):
    """Who calls and gives up at once must not have as many hashed beside each other as there are threads."""
    hasher, began, go_on = Argon2Hasher(CHEAP), threading.Event(), threading.Event()
    inside, most = [], []

    def verify(password_hash, password):
        inside.append(password)
        most.append(len(inside))
        began.set()
        go_on.wait(PATIENCE)
        inside.remove(password)
        return False

    monkeypatch.setattr(hasher, "_verify", verify)
    given_up = asyncio.create_task(hasher.verify(None, "given up"))
    assert await asyncio.to_thread(began.wait, PATIENCE)
    given_up.cancel()
    await asyncio.gather(given_up, return_exceptions=True)
    # Beside it the next one would begin now.
    next_one = asyncio.create_task(hasher.verify(None, "next"))
    await asyncio.wait([next_one], timeout=0.2)
    go_on.set()
    await next_one

    assert most == [1, 1]
