"""Memory of a process."""

import contextlib
from pathlib import Path

import psutil


def used_bytes(pid: int, *, descendants: bool) -> int:
    """Proportional set size, which counts a page shared by n processes as 1/n; resident set size where the system
    does not tell that. 0 for a process that has ended.

    descendants: add those of its children, and theirs.
    """
    total = 0
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        for each in (process, *(process.children(recursive=True) if descendants else ())):
            with contextlib.suppress(psutil.Error):
                total += _proportional(each.pid) or each.memory_info().rss
    return total


def _proportional(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0
