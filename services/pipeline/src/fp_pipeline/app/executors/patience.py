"""Waiting for what passes by itself, within the time of the attempt. For peers that are away `Steps` waits."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from fp_kernel import Error, Kind

from fp_pipeline.app.attempt import Attempt

Answer = TypeVar("Answer")


async def patiently(
    attempt: Attempt,
    call: Callable[[], Awaitable[Answer]],
    *,
    pause: float,
    kinds: frozenset[Kind],
) -> Answer:
    """Call again while it fails with one of the kinds, which pass by themselves here and not elsewhere.

    pause: seconds between calls.
    """
    while True:
        try:
            answer = await call()
        except Error as error:
            if error.kind not in kinds:
                raise
            attempt.waits_for = error.message
        else:
            attempt.waits_for = ""
            return answer
        await asyncio.sleep(pause)
