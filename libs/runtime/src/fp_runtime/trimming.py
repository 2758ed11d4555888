"""Memory that a peak took goes back to the system.

The allocator of C keeps what is freed below something that lives on, and its limit for the rest grows with the largest
piece that was ever freed: the hashing of one password is enough for 64 MiB.
"""

import asyncio
import ctypes
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

EVERY: Final = 5.0
"""Seconds between two looks."""
_WORTH_IT: Final = 4 * 1024 * 1024
_STATM: Final = Path("/proc/self/statm")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


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
    """free: bytes that the allocator has and nobody uses, whether given back or not. resident: bytes of the process
    that lie in memory. give_back: gives back what is free.
    """

    def __init__(self, free: Callable[[], int], resident: Callable[[], int], give_back: Callable[[], object]) -> None:
        self._free = free
        self._resident = resident
        self._give_back = give_back
        self._given = 0
        self._left = resident()

    async def look(self) -> None:
        """Give back what was freed since the last time, where that is worth it."""
        free, resident = self._free(), self._resident()
        # What was given back and is in use again counts anew once it is freed.
        self._given, self._left = min(self._given, free), min(self._left, resident)
        # The second shows what was taken and freed between two looks.
        if free < _WORTH_IT or max(free - self._given, resident - self._left) < _WORTH_IT:
            return
        # Milliseconds, in which other threads go on.
        await asyncio.to_thread(self._give_back)
        self._given, self._left = self._free(), self._resident()


def trimming() -> Trimming | None:
    """Of this process; None where its C library has no such calls."""
    if sys.platform != "linux":
        return None
    library: Any = ctypes.CDLL(None)
    if not hasattr(library, "mallinfo2") or not hasattr(library, "malloc_trim"):
        return None
    library.mallinfo2.restype = _Information
    return Trimming(lambda: int(library.mallinfo2().fordblks), _resident, lambda: library.malloc_trim(0))


def _resident() -> int:
    return int(_STATM.read_text(encoding="ascii").split()[1]) * _PAGE
