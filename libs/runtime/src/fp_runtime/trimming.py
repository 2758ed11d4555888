"""Memory that a peak took goes back to the system.

The allocator of C keeps what is freed below something that lives on, and its limit for the rest grows with the largest
piece that was ever freed: the hashing of one password is enough for 64 MiB.
"""

import asyncio
import ctypes
import sys
from collections.abc import Callable
from typing import Any, Final

EVERY: Final = 5.0
"""Seconds between two looks."""
_WORTH_IT: Final = 4 * 1024 * 1024


class _Information(ctypes.Structure):
    """`struct mallinfo2` of glibc."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            "arena",
            "ordblks",
            "smblks",
            "hblks",
            "hblkhd",
            "usmblks",
            "fsmblks",
            "uordblks",
            "fordblks",
            "keepcost",
        )
    )


class Trimming:
    """free: bytes that the allocator has and nobody uses, whether given back or not. give_back: gives them back."""

    def __init__(self, free: Callable[[], int], give_back: Callable[[], object]) -> None:
        self._free = free
        self._give_back = give_back
        self._given = 0

    async def look(self) -> None:
        """Give back what was freed since the last time, where that is worth it."""
        free = self._free()
        # What was given back and is in use again counts anew once it is freed.
        self._given = min(self._given, free)
        if free - self._given < _WORTH_IT:
            return
        # Milliseconds, in which other threads go on.
        await asyncio.to_thread(self._give_back)
        self._given = self._free()


def trimming() -> Trimming | None:
    """Of this process; None where its C library has no such calls."""
    if sys.platform != "linux":
        return None
    library: Any = ctypes.CDLL(None)
    if not hasattr(library, "mallinfo2") or not hasattr(library, "malloc_trim"):
        return None
    library.mallinfo2.restype = _Information
    return Trimming(lambda: int(library.mallinfo2().fordblks), lambda: library.malloc_trim(0))
