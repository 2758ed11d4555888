"""Long conversions in a thread, off the event loop."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

# Bytes that are converted within a millisecond or so; a thread costs a tenth of that.
_SMALL = 16 * 1024

Given = TypeVar("Given")
Answer = TypeVar("Answer")


async def off_loop(size: int, work: Callable[[Given], Answer], given: Given) -> Answer:
    """Do the work, in a thread when there is much of it: other calls must not wait for one's conversion.

    size: bytes of the message.
    """
    return work(given) if size <= _SMALL else await asyncio.to_thread(work, given)
