"""The free places between the objects of a process that is about to be forked.

What a child makes first goes into them, so that a few hundred KB of small objects make it copy a thousand pages. When
they are taken, children begin on pages of their own.
"""

import itertools
from collections.abc import Callable
from typing import Final

# Of CPython's allocator for objects: blocks of one size lie side by side in a pool, behind its head.
_POOL: Final = 16 * 1024
_POOL_HEAD: Final = 48
# Made in one go: enough for a whole one behind what the list of them takes as it grows.
_POOLS: Final = 4
_STEP: Final = 16
_LARGEST: Final = 512
# Of an empty `bytes`, with the zero at its end.
_HEAD: Final = 33
# More than any process that only imports leaves free, in each size; a bound, where the allocator is another one.
_MOST: Final = 20_000


def fill() -> list[object]:
    """Takes every free block in pools that hold objects; whoever holds the answer keeps them taken."""
    taken: list[object] = []
    for size in range(_STEP, _LARGEST + 1, _STEP):
        taken += _fill(size, _maker(size))
    return taken


def _fill(size: int, make: Callable[[], object]) -> list[object]:
    """Until a pool was filled from its first block to its last: it was empty, so that no other one has a free block."""
    blocks = (_POOL - _POOL_HEAD) // size
    taken: list[object] = []
    while len(taken) < _MOST:
        # In one go, because numbers that are made in between are objects as well.
        more = [make() for _ in range(_POOLS * blocks)]
        end = _filled(more, size, blocks)
        taken += more[:end]
        if end is not None:
            break
    return taken


def _filled(taken: list[object], size: int, blocks: int) -> int | None:
    """Where the first run of neighbours begins that is as long as a pool; the pool itself is let go of."""
    run = 0
    for index, (block, after) in enumerate(itertools.pairwise(taken)):
        run = run + 1 if id(after) == id(block) + size else 0
        if run == blocks - 1:
            return index + 2 - blocks
    return None


def _maker(size: int) -> Callable[[], object]:
    if size == _STEP:
        return object
    if size < _HEAD:
        return lambda: complex(1, 1)
    return lambda: bytes(size - _HEAD)
