"""Memory of processes."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

Children = Mapping[int, Sequence[int]]


def children() -> Children:
    """Every process of the machine by its parent; asked once for many questions, because it is slow."""
    found: defaultdict[int, list[int]] = defaultdict(list)
    for process in psutil.process_iter(["ppid"]):
        found[process.info["ppid"]].append(process.pid)
    return found


def used_bytes(pid: int, descendants: Children) -> int:
    """Of the process and its descendants: proportional set size, which counts a page shared by n processes as 1/n;
    resident set size where the system does not report that. 0 for a process that has ended.
    """
    return _own_bytes(pid) + sum(used_bytes(child, descendants) for child in descendants.get(pid, ()))


def _own_bytes(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0
