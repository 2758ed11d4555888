"""Dead letters, as every bus stores them."""

from datetime import timedelta

import pytest
from fp_events import Bus, Matching
from fp_events.dead_letters import each_letter
from fp_events.dead_letters.headers import replayed
from fp_kernel import InvalidArgument, NotFound

from fp_testkit.suites.consuming import (
    ARCHIVED,
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
        page = await bus.dead_letters.list(Matching("one"), limit=2)
        rest = await bus.dead_letters.list(Matching("one"), after=page[-1].number)
        assert [*page, *rest] == letters
        assert len(await bus.dead_letters.list()) == 6

    async def test_letters_are_found_by_subject_and_time(self, bus: Bus) -> None:
        await bus.publish([registered("a"), registered("b", type=ARCHIVED)])
        async with consuming(bus, quick("strict"), Recorder(raising(InvalidArgument("bug")))):
            first, second = await dead(bus, "strict", 2)
        letters = bus.dead_letters
        assert await letters.list(Matching(subject=second.subject)) == [second]
        assert await letters.list(Matching(subject="fp.models.>", consumer="strict")) == [first, second]
        assert await letters.list(Matching(subject="fp.auth.>")) == []
        assert await letters.list(Matching(since=first.time, until=second.time)) == [first]
        assert await letters.list(Matching(since=second.time + timedelta(microseconds=1))) == []

    async def test_a_replay_of_all_gives_out_each_letter_once_though_it_fails_again(self, bus: Bus) -> None:
        strict = Recorder(raising(InvalidArgument("bug")))
        await bus.publish([registered(str(number)) for number in range(5)])
        async with consuming(bus, quick("strict"), strict):
            letters = await dead(bus, "strict", 5)
            meant = Matching("strict", until=letters[-1].time + timedelta(microseconds=1))
            async for letter in each_letter(bus.dead_letters, meant, page=2):
                await bus.dead_letters.replay(letter.number)
            await strict.until(lambda: len(strict.calls) >= 10)
            again = await dead(bus, "strict", 5)
        assert sorted(each.event_id for each in again) == sorted(each.event_id for each in letters)

    async def test_a_letter_whose_replay_died_before_it_went_is_not_given_out_again(self, bus: Bus) -> None:
        await bus.publish([registered()])
        async with consuming(bus, quick("strict"), Recorder(raising(InvalidArgument("bug")))):
            (letter,) = await dead(bus, "strict")
        await bus.send([replayed(letter)])
        await bus.dead_letters.replay(letter.number)
        assert not await bus.dead_letters.list()
        mended, marker = Recorder(), registered("marker")
        async with consuming(bus, quick("strict"), mended):
            await mended.has(1)
            await bus.publish([marker])
            await mended.has(2)
        assert sorted(mended.ids) == sorted([letter.event_id, marker.id])
