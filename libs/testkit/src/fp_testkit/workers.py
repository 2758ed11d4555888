"""How `make test` spreads the tests over its workers."""

import os

from xdist.scheduler import LoadFileScheduling

from fp_testkit import order


class UnitScheduling(LoadFileScheduling):  # type: ignore[misc]  # xdist ships no types
    """A file is run by one worker, and so are all the files that share a platform."""

    def _split_scope(self, nodeid: str) -> str:
        return order.unit(nodeid)


def count() -> int:
    """Two more than there are processors: tests of outages and of end-to-end stories wait, and leave theirs idle."""
    return (os.cpu_count() or 1) + 2
