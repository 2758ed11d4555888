"""Makes objects with free places between them, and tells how many new ones go there, for each size.

With `filled` as the zygote does it before it forks.
"""

import sys

from fp_devstack.zygote import holes

_POOL = 16 * 1024
_HEAD = 33
_SIZES = range(48, 513, 16)


def among(objects, pools):
    return sum(id(each) // _POOL in pools for each in objects)


def main():
    objects = {size: [bytes(size - _HEAD) for _ in range(2_000)] for size in _SIZES}
    pools = {id(each) // _POOL for every in objects.values() for each in every}
    for every in objects.values():
        del every[::2]
    kept = holes.fill() if sys.argv[1:] == ["filled"] else []
    found = [among([bytes(size - _HEAD) for _ in range(100)], pools) for size in _SIZES]
    sys.stdout.write(f"{len(kept)}\n" + "\n".join(map(str, found)))


main()
