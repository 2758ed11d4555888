"""Requests of a stream are answered beside each other, and a bounded number of them."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from fp_serving.app.in_company import in_company


async def _numbers(count: int, read: list[int]) -> AsyncIterator[int]:
    for number in range(count):
        read.append(number)
        yield number


async def test_answers_come_as_they_are_ready() -> None:
    later = asyncio.Event()

    async def answer(number: int) -> int:
        if number == 0:
            await later.wait()
        return number

    found: list[int] = []
    async for number in in_company(_numbers(5, []), answer, most=10):
        found.append(number)
        if len(found) == 4:
            later.set()
    assert sorted(found) == [0, 1, 2, 3, 4]
    assert found[-1] == 0


async def test_who_takes_no_answers_is_not_read_on() -> None:
    read: list[int] = []

    async def answer(number: int) -> int:
        return number

    answers = in_company(_numbers(100, read), answer, most=3)
    await anext(answers)
    for _ in range(50):
        await asyncio.sleep(0)
    # Three that wait to be taken, one for the room that was given back, and one that was read and has none.
    assert len(read) <= 5
    assert sorted([number async for number in answers]) == list(range(1, 100))


async def test_an_answer_that_raises_ends_the_stream() -> None:
    async def answer(number: int) -> int:
        raise ValueError(number)

    with pytest.raises(ExceptionGroup):
        [number async for number in in_company(_numbers(5, []), answer, most=2)]


async def test_nothing_goes_on_when_the_caller_left() -> None:
    ended = asyncio.Event()

    async def answer(number: int) -> int:
        if number:
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()
        return number

    answers = in_company(_numbers(5, []), answer, most=3)
    assert await anext(answers) == 0
    await answers.aclose()
    assert ended.is_set()
