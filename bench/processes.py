"""What the processes of a platform have used so far, by process: CPU and wake-ups."""

import os
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import psutil
from fp_supervisor import SupervisorClient
from fp_supervisor.launch import SOCKET

CLIENT = "client"


@dataclass(frozen=True, slots=True)
class Used:
    """cpu: seconds of user and system time. wakeups: how often a thread went to sleep and was woken again."""

    cpu: float = 0.0
    wakeups: int = 0

    def __add__(self, other: Self) -> "Used":
        return Used(self.cpu + other.cpu, self.wakeups + other.wakeups)

    def __sub__(self, other: Self) -> "Used":
        return Used(self.cpu - other.cpu, self.wakeups - other.wakeups)


async def used(folder: Path) -> dict[str, Used]:
    """By name; `client` is this process. Those of Postgres count together, and so do all runtimes and all jobs."""
    found: defaultdict[str, Used] = defaultdict(Used)
    for process in (await SupervisorClient(folder / SOCKET).status(memory=False)).processes:
        if process.pid is not None:
            found[named(process)] += family(named(process), process.pid)
    found[CLIENT] += family(CLIENT, os.getpid())
    return dict(found)


def named(process: Any) -> str:
    """Runtimes and jobs by what they are."""
    return str(process.name if process.kind in {"store", "service", "supervisor"} else process.kind)


def family(name: str, pid: int) -> Used:
    """Of a process and those that it started, ended ones included as far as the kernel says; nothing once it is gone.

    The children of the zygote are the services, which count by themselves.
    """
    with suppress(psutil.Error, OSError):
        process = psutil.Process(pid)
        own = name in {"zygote", "supervisor", CLIENT}
        members = [process] if own else [process, *process.children(recursive=True)]
        times = [member.cpu_times() for member in members]
        cpu = sum(each.user + each.system for each in times)
        if not own:
            cpu += times[0].children_user + times[0].children_system
        return Used(cpu, sum(_wakeups(member.pid) for member in members))
    return Used()


def _wakeups(pid: int) -> int:
    """Of all its threads: the kernel's figure for a process is that of its first thread alone."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        for line in (task / "status").read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches"):
                total += int(line.partition(":")[2])
    return total
