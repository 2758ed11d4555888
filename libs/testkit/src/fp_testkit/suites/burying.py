"""Dead letters, as every bus keeps them."""

import pytest
from fp_events import Bus
from fp_kernel import InvalidArgument, NotFound

from fp_testkit.suites.consuming import (
    REGISTERED,
    Recorder,
    consuming,
    dead,
    quick,
    raising,
    registered,
)


class DeadLetterSuite:
    async def test_a_replay_goes_to_its_consumer_alone_as_the_same_event(self, bus: Bus) -> None:
        event = registered()
        other, strict = Recorder(), Recorder(raising(InvalidArgument("bug")))
        await bus.publish([event])
        async with consuming(bus, quick("other"), other), consuming(bus, quick("strict"), strict):
            (letter,) = await dead(bus, "strict")
            await other.has(1)
        mended = Recorder()
        async with consuming(bus, quick("other"), other), consuming(bus, quick("strict"), mended):
            await bus.dead_letters.replay(letter.number)
            assert await mended.has(1) == [event]
        assert other.ids == [event.id]
        assert not await bus.dead_letters.list()

    async def test_a_replay_that_fails_again_is_a_dead_letter_again(self, bus: Bus) -> None:
        event, strict = registered(), Recorder(raising(InvalidArgument("bug")))
        await bus.publish([event])
        async with consuming(bus, quick("strict"), strict):
            (letter,) = await dead(bus, "strict")
            await bus.dead_letters.replay(letter.number)
            await strict.until(lambda: len(strict.calls) == 2)
            (again,) = await dead(bus, "strict")
        assert (again.event_id, again.subject) == (event.id, REGISTERED)
        assert again.number != letter.number

    async def test_a_dropped_letter_is_gone(self, bus: Bus) -> None:
        strict = Recorder(raising(InvalidArgument("bug")))
        await bus.publish([registered()])
        async with consuming(bus, quick("strict"), strict):
            (letter,) = await dead(bus, "strict")
        assert (await bus.dead_letters.show(letter.number)) == letter
        await bus.dead_letters.drop(letter.number)
        for command in (bus.dead_letters.show, bus.dead_letters.drop, bus.dead_letters.replay):
            with pytest.raises(NotFound):
                await command(letter.number)

    async def test_letters_are_listed_by_consumer_and_in_pages(self, bus: Bus) -> None:
        await bus.publish([registered(str(number)) for number in range(3)])
        fail = raising(InvalidArgument("bug"))
        async with consuming(bus, quick("one"), Recorder(fail)), consuming(bus, quick("other"), Recorder(fail)):
            letters = await dead(bus, "one", 3)
            await dead(bus, "other", 3)
        page = await bus.dead_letters.list("one", limit=2)
        rest = await bus.dead_letters.list("one", after=page[-1].number)
        assert [*page, *rest] == letters
        assert len(await bus.dead_letters.list()) == 6
