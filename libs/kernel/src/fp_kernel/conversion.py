"""Long conversions in a thread, off the event loop."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")

_SMALL = 64 * 1024


async def off_loop(size: int, work: Callable[[], Answer], *, small: int = _SMALL) -> Answer:
    """Do the work, in a thread when there is much of it: the conversion of 16 MiB would stop the loop for all others.

    size: bytes of the message or the document. small: bytes that are converted within a millisecond or so; a thread
    costs a tenth of that.
    """
    return work() if size <= small else await asyncio.to_thread(work)
