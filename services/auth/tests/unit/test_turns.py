"""Who hashes next."""

import asyncio

import pytest
from fp_auth.adapters.turns import Turns
from fp_kernel import ResourceExhausted


class Hall:
    """People who enter in the order in which they come, and stay until they are sent on."""

    def __init__(self, turns):
        self._turns = turns
        self.inside, self.entered, self.tasks = set(), [], {}
        self._go = {}

    async def comes(self, who, whose):
        self._go[who] = asyncio.Event()
        self.tasks[who] = asyncio.create_task(self._visit(who, whose))
        await self._settled()

    async def goes(self, who):
        self._go[who].set()
        await self.tasks[who]
        await self._settled()

    async def leaves(self, who):
        self.tasks[who].cancel()
        await asyncio.gather(self.tasks[who], return_exceptions=True)
        await self._settled()

    async def _visit(self, who, whose):
        async with self._turns.enter(whose):
            assert not self.inside
            self.inside.add(who)
            self.entered.append(who)
            try:
                await self._go[who].wait()
            finally:
                self.inside.discard(who)

    async def _settled(self):
        for _ in range(5):
            await asyncio.sleep(0)


async def test_one_enters_at_a_time():
    hall = Hall(Turns())
    await hall.comes("a1", "a")
    await hall.comes("a2", "a")

    assert hall.entered == ["a1"]
    await hall.goes("a1")
    assert hall.entered == ["a1", "a2"]
    await hall.goes("a2")


async def test_who_comes_from_elsewhere_does_not_wait_for_a_whole_line():
    hall = Hall(Turns())
    for who, whose in (("a1", "a"), ("a2", "a"), ("a3", "a"), ("a4", "a"), ("b1", "b")):
        await hall.comes(who, whose)

    for who in ("a1", "a2", "b1", "a3", "a4"):
        await hall.goes(who)

    assert hall.entered == ["a1", "a2", "b1", "a3", "a4"]


async def test_a_line_has_an_end_and_so_has_the_hall():
    hall = Hall(Turns(most=3, most_of_one=2))
    for who, whose in (("a1", "a"), ("a2", "a"), ("a3", "a")):
        await hall.comes(who, whose)

    with pytest.raises(ResourceExhausted) as refused:
        await hall._turns.enter("a").__aenter__()
    assert (refused.value.reason, refused.value.retry_after) == ("TOO_MANY_CALLS", 2.0)

    await hall.comes("b1", "b")
    with pytest.raises(ResourceExhausted):
        await hall._turns.enter("c").__aenter__()
    for who in ("a1", "a2", "b1", "a3"):
        await hall.goes(who)


async def test_who_leaves_the_line_holds_nobody_up():
    hall = Hall(Turns())
    for who in ("a1", "a2", "a3"):
        await hall.comes(who, "a")

    await hall.leaves("a2")
    await hall.goes("a1")

    assert hall.entered == ["a1", "a3"]
    await hall.goes("a3")


async def test_who_leaves_the_line_makes_room_at_once():
    hall = Hall(Turns(most=2, most_of_one=1))
    for who, whose in (("a1", "a"), ("a2", "a"), ("b1", "b")):
        await hall.comes(who, whose)

    await hall.leaves("a2")
    await hall.comes("a3", "a")
    await hall.leaves("b1")
    await hall.comes("c1", "c")
    for who in ("a1", "a3", "c1"):
        await hall.goes(who)

    assert hall.entered == ["a1", "a3", "c1"]


async def test_who_leaves_while_he_is_passed_over_is_counted_once():
    turns, entered = Turns(most=1), []

    async def visit(who):
        async with turns.enter(who):
            entered.append(who)

    first = turns.enter("a")
    await first.__aenter__()
    waiting = asyncio.create_task(visit("second"))
    await asyncio.sleep(0)
    waiting.cancel()
    await first.__aexit__(None, None, None)
    await asyncio.gather(waiting, return_exceptions=True)

    await visit("third")
    async with turns.enter("b"):
        fourth = asyncio.create_task(visit("fourth"))
        await asyncio.sleep(0)
    await fourth
    assert entered == ["third", "fourth"]


async def test_who_leaves_at_the_moment_of_his_turn_passes_it_on():
    turns, entered = Turns(), []

    async def visit(who):
        async with turns.enter("a"):
            entered.append(who)

    first = turns.enter("a")
    await first.__aenter__()
    waiting = [asyncio.create_task(visit(who)) for who in ("second", "third")]
    await asyncio.sleep(0)
    await first.__aexit__(None, None, None)
    waiting[0].cancel()

    await asyncio.gather(*waiting, return_exceptions=True)

    assert entered == ["third"]
