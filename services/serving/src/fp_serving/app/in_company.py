"""Requests of a stream, answered beside each other."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import TypeVar

Request = TypeVar("Request")
Answer = TypeVar("Answer")


async def in_company(
    requests: AsyncIterator[Request], answer: Callable[[Request], Awaitable[Answer]], *, most: int
) -> AsyncGenerator[Answer, None]:
    """Answers as they are ready. most: requests that are read and whose answers are not taken; a slow reader slows
    his own writing.

    Raises what `answer` raises, as an ExceptionGroup; nothing goes on behind the end of the iteration; who may end it
    early closes it (`aclosing`).
    """
    ready: asyncio.Queue[Answer | None] = asyncio.Queue()
    room = asyncio.Semaphore(most)
    failures: list[Exception] = []

    async def one(request: Request) -> None:
        ready.put_nowait(await answer(request))

    async def read() -> None:
        try:
            async with asyncio.TaskGroup() as group:
                async for request in requests:
                    await room.acquire()
                    group.create_task(one(request))
        except Exception as error:  # noqa: BLE001 -- whoever iterates raises it; a group would cancel him instead
            failures.append(error)
        finally:
            ready.put_nowait(None)

    async with asyncio.TaskGroup() as group:
        reading = group.create_task(read())
        try:
            while (found := await ready.get()) is not None:
                room.release()
                yield found
        except GeneratorExit:
            # Nobody iterates on. It ends here, where what was begun is awaited.
            pass
        finally:
            reading.cancel()
    if failures:
        raise failures[0]
