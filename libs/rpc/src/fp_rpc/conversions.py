"""JSON to messages and back, off the event loop and a few at a time.

A thread that converts cannot be stopped, and a document becomes up to thirty times its size as Python objects. So what
is bounded is how many are converted at once, and how many may wait; the size of each is bounded by its route, and its
time by that.
"""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, TypeVar

from fp_kernel import ResourceExhausted

Answer = TypeVar("Answer")

# Bytes that are converted on the loop: about three milliseconds of the slowest kind, and a thread costs a tenth of one.
_ON_LOOP: Final = 4 * 1024
# Of the larger ones there is one at a time: 16 MiB of empty lists are half a gigabyte while they are read.
_LARGE: Final = 256 * 1024
_SMALL_THREADS: Final = 2
_LARGE_THREADS: Final = 1
_MOST_SMALL: Final = 128
_MOST_LARGE: Final = 32


class Conversions:
    """Two lanes, so that large documents do not hold up small ones."""

    def __init__(self, *, most_small: int = _MOST_SMALL, most_large: int = _MOST_LARGE) -> None:
        """most_small, most_large: documents of each kind that are converted or wait for it."""
        self._small = _Lane(_SMALL_THREADS, most_small)
        self._large = _Lane(_LARGE_THREADS, most_large)

    async def run(self, size: int, work: Callable[[], Answer]) -> Answer:
        """Do the work for a document or a message of so many bytes.

        Raises ResourceExhausted when too many wait, and what the work raises. Work that has not begun when the caller
        is cancelled is not done.
        """
        if size <= _ON_LOOP:
            return work()
        return await (self._large if size > _LARGE else self._small).run(work)

    async def close(self) -> None:
        """Drop what has not begun."""
        self._small.close()
        self._large.close()


class _Lane:
    def __init__(self, threads: int, most: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="conversion")
        self._most = most
        self._inside = 0

    async def run(self, work: Callable[[], Answer]) -> Answer:
        if self._inside >= self._most:
            raise ResourceExhausted("too many large requests at once", reason="NO_ROOM", retry_after=1.0)
        loop = asyncio.get_running_loop()
        self._inside += 1
        job = self._threads.submit(work)

        def ended(_: Future[Any]) -> None:
            # Also when nobody waits any more: the thread was busy until now. The loop may be closed by then.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._left)

        job.add_done_callback(ended)
        return await asyncio.wrap_future(job)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _left(self) -> None:
        self._inside -= 1
