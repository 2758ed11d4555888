"""A secret that is written, or a store that starts, a moment later is no fault."""

import asyncio

import fp_preflight.__main__ as command
import pytest
from fp_testkit.clock import ManualClock


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(command, "_AGAIN", 0)


async def asked(answers, patience):
    clock, said = ManualClock(), []

    def ask():
        found = asyncio.get_running_loop().create_future()
        found.set_result(answers.pop(0))
        clock.advance(10)
        return found

    return await command.run(ask, clock, patience, said.append), said


async def test_it_asks_until_all_is_there():
    assert await asked([["a", "b"], ["b"], []], patience=60) == (
        0,
        ["missing:\na\nb", "missing:\nb", "everything that the installation needs is there"],
    )


async def test_what_stays_missing_is_said_once_and_fails():
    assert await asked([["a"]] * 6, patience=25) == (1, ["missing:\na"])


async def test_without_patience_it_asks_once():
    assert await asked([["a"]], patience=0) == (1, ["missing:\na"])
