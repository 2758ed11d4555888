"""Waiting for others, within the time of the attempt."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from fp_kernel import Error, Kind

from fp_pipeline.app.attempt import TRANSIENT, Attempt

Answer = TypeVar("Answer")


async def patiently(
    attempt: Attempt,
    call: Callable[[], Awaitable[Answer]],
    *,
    pause: float,
    also: frozenset[Kind] = frozenset(),
) -> Answer:
    """Call again while a retry can help; what it waits for is told when the attempt's time is up.

    pause: seconds between calls. also: kinds that pass by themselves here, though they do not elsewhere.
    """
    while True:
        try:
            answer = await call()
        except Error as error:
            if error.kind not in TRANSIENT | also:
                raise
            attempt.waits_for = error.message
        else:
            attempt.waits_for = ""
            return answer
        await asyncio.sleep(pause)
