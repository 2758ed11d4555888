"""Downloads at the same time are bounded in bytes."""

import asyncio

from fp_serving.adapters.byte_gate import ByteGate
from fp_testkit.patience import PATIENCE


async def test_whose_bytes_do_not_fit_waits_in_the_order_in_which_it_came():
    gate, most, entered = ByteGate(10), 0, []
    go_on = {name: asyncio.Event() for name in "abcd"}

    async def fetch(name, size):
        nonlocal most
        async with gate.hold(size):
            entered.append(name)
            most = max(most, gate.held)
            await go_on[name].wait()

    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        for name, size in (("a", 6), ("b", 5), ("c", 1), ("d", 50)):
            group.create_task(fetch(name, size))
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert entered == ["a"], "c fits and does not overtake"
        go_on["a"].set()
        while entered != ["a", "b", "c"]:
            await asyncio.sleep(0)
        go_on["b"].set()
        go_on["c"].set()
        while len(entered) < 4:
            await asyncio.sleep(0)
        assert gate.held == 50, "one larger than the bound is let in alone"
        go_on["d"].set()
    assert (most, gate.held) == (50, 0)


async def test_who_gives_up_leaves_his_place():
    gate = ByteGate(10)
    async with gate.hold(10):
        waiting = asyncio.create_task(gate.hold(1).__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait({waiting})
    async with asyncio.timeout(PATIENCE), gate.hold(10):
        assert gate.held == 10
