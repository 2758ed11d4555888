"""New passwords of a platform, where a store does not take them at once."""

import asyncio

import pytest
from fp_devstack.failures import StoreFailed
from fp_devstack.supervisor import logins as module
from fp_devstack.supervisor.logins import Logins
from fp_kernel.errors import Unavailable
from fp_testkit.patience import PATIENCE


class Stores:
    """failures: how many times they are not taken, and why."""

    def __init__(self, failures, error=None):
        self.made, self.given, self.failures = 0, 0, failures
        self.error = error or StoreFailed("valkey has not taken its users")

    def make_passwords(self):
        self.made += 1

    async def give(self):
        if self.failures:
            self.failures -= 1
            raise self.error
        self.given += 1


@pytest.fixture
def notes():
    return []


async def test_a_change_that_fails_half_way_goes_on_with_the_same_passwords(notes):
    stores = Stores(failures=2)
    logins = Logins(stores, stores.give, notes.append)
    for _ in range(2):
        with pytest.raises(Unavailable, match="not everybody has them: valkey has not taken its users"):
            await logins.renew()
    await logins.renew()
    assert (stores.made, stores.given, len(notes)) == (1, 1, 2)
    await logins.renew()
    assert (stores.made, stores.given) == (2, 2), "the next change is another one"


@pytest.mark.parametrize(
    "error", [StoreFailed("away"), OSError("no space left"), ExceptionGroup("two", [StoreFailed("away")])]
)
async def test_it_goes_on_by_itself(notes, monkeypatch, error):
    monkeypatch.setattr(module, "_RETRY_SECONDS", 0.01)
    stores = Stores(failures=3, error=error)
    logins = Logins(stores, stores.give, notes.append)
    running = asyncio.create_task(logins.run())
    with pytest.raises((Unavailable, type(error))):
        await logins.renew()
    async with asyncio.timeout(PATIENCE):
        while not stores.given:
            await asyncio.sleep(0.01)
    running.cancel()
    assert (stores.made, stores.given) == (1, 1)
