"""The free pieces of the C library's heap in a process that is about to be forked: what a child allocates first goes
there, a piece here and a piece there, and copies the page of each. When they are taken, it goes to the end of the heap.
"""

import ctypes
import sys
from typing import Any, Final

# Larger ones may come from the system, whatever is free.
_LARGEST: Final = 64 * 1024
# The allocator's own word before each piece; and no piece is smaller.
_HEAD: Final = 16
_SMALLEST: Final = 32
# More than any process that only imports leaves free; a bound, where the allocator is another one.
_MOST: Final = 200_000


class _Information(ctypes.Structure):
    """`struct mallinfo2` of glibc: ten sizes."""

    _fields_ = (("sizes", ctypes.c_size_t * 10),)
    # What is free, and how much of it lies at the end of the heap.
    FREE, AT_THE_END = 8, 9


def fill() -> int:
    """Takes every free piece for good but the one at the end; how many there were.

    None where the C library is another one.
    """
    library: Any = ctypes.CDLL(None)
    if sys.platform != "linux" or not hasattr(library, "mallinfo2") or not hasattr(library, "malloc_trim"):
        return 0
    library.mallinfo2.restype = _Information
    library.malloc.restype, library.malloc.argtypes = ctypes.c_void_p, (ctypes.c_size_t,)
    # Puts together what is free side by side.
    library.malloc_trim(0)
    size, taken = _LARGEST, 0
    while size >= _SMALLEST and taken < _MOST:
        free, end = _free(library)
        # From the end only where no other piece was large enough; the one piece that this costs is nothing.
        if free < size or not library.malloc(size - _HEAD) or _free(library)[1] != end:
            size //= 2
        else:
            taken += 1
    return taken


def _free(library: Any) -> tuple[int, int]:
    """Bytes that are free before the end of the heap, and at it."""
    sizes = library.mallinfo2().sizes
    return int(sizes[_Information.FREE] - sizes[_Information.AT_THE_END]), int(sizes[_Information.AT_THE_END])
