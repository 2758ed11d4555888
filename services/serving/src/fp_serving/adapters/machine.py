"""The processors and memory that this container may use."""

import ctypes
import os
from contextlib import suppress
from pathlib import Path

from fp_serving.domain.cpus import parse_cpu_max, threads

_V2 = Path("/sys/fs/cgroup/cpu.max")
_V1 = Path("/sys/fs/cgroup/cpu")
_MEMORY = Path("/proc/self/statm")


def model_threads() -> int:
    """Threads for one run of the model."""
    return threads(quota=_quota(), usable=_usable())


def resident_bytes() -> int:
    """Resident memory of this process; 0 where the system does not say."""
    try:
        return int(_MEMORY.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def give_memory_back() -> None:
    """To the system: the allocator of glibc keeps what was freed. Nothing with another one."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _usable() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quota() -> float | None:
    try:
        return parse_cpu_max(_V2.read_text())
    except (OSError, ValueError):
        pass
    try:
        quota = int((_V1 / "cpu.cfs_quota_us").read_text())
        period = int((_V1 / "cpu.cfs_period_us").read_text())
    except (OSError, ValueError):
        return None
    return quota / period if quota > 0 else None
