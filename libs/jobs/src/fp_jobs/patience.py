"""Calls to services that may be restarting: the same call again, with its idempotency key, until it is answered."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, TypeVar

from fp_kernel import Aborted, DeadlineExceeded, Error, ResourceExhausted, Unavailable

# A service that dies is back within seconds; a caller that gives up earlier would lose its call for nothing.
PATIENCE_SECONDS: Final = 60.0
PASSING: Final[tuple[type[Error], ...]] = (Unavailable, DeadlineExceeded, ResourceExhausted, Aborted)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0

T = TypeVar("T")


async def patiently(
    call: Callable[[], Awaitable[T]],
    *,
    seconds: float = PATIENCE_SECONDS,
    retried: Callable[[], None] | None = None,
) -> T:
    """The answer of `call`, made again while it fails in a way that passes.

    call: must be safe to repeat: a read, or a command with its idempotency key. retried: called before each repeat.
    Raises what `call` raises when that does not pass, and its last error when it did not pass in time; TimeoutError
    when the time is over within a call.
    """
    ends = asyncio.get_running_loop().time() + seconds
    for pause in _pauses():
        try:
            async with asyncio.timeout_at(ends):
                return await call()
        except PASSING:
            if asyncio.get_running_loop().time() + pause >= ends:
                raise
        if retried is not None:
            retried()
        await asyncio.sleep(pause)
    raise AssertionError("pauses have no end")


def _pauses() -> Iterator[float]:
    pause = _FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * 2, _LONGEST_PAUSE)
