"""Frees every other piece of the C library's heap, and tells how many new ones of each size go among the old ones.

With `filled` as the zygote does it before it forks.
"""

import ctypes
import sys

from fp_devstack.zygote import heap

_SIZES = (24, 100, 1_000, 5_000)


def main():
    library = ctypes.CDLL(None)
    library.malloc.restype, library.malloc.argtypes = ctypes.c_void_p, (ctypes.c_size_t,)
    library.free.argtypes = (ctypes.c_void_p,)
    pieces = [library.malloc(size) for size in _SIZES for _ in range(2_000)]
    for piece in pieces[::2]:
        library.free(piece)
    if sys.argv[1:] == ["filled"]:
        heap.fill()
    new = {size: [library.malloc(size) for _ in range(100)] for size in _SIZES}
    found = (sum(piece < max(pieces) for piece in made) for made in new.values())
    sys.stdout.write("\n".join(map(str, found)))


main()
