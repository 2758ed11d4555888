"""What `fp status` shows."""

import asyncio
import dataclasses
import os
import time

import psutil

from fp_devstack.reports import Phase, Process, ProcessState, Status
from fp_devstack.supervisor import memory
from fp_devstack.supervisor.platform import Platform

_SUPERVISOR = "supervisor"


async def status(platform: Platform) -> Status:
    """Every process with its memory; asking for that takes a millisecond or two each."""
    processes = [*_own(platform), *_stores(platform), *(unit.report() for unit in platform.units.values())]
    if platform.phase is Phase.RUNNING:
        processes += [unit.report() for unit in platform.runtimes.units.values()]
        processes += platform.jobs.processes()
    needed = [each for each in processes if each.kind in {"store", "service"}]
    ready = platform.phase is Phase.RUNNING and all(each.state is ProcessState.READY for each in needed)
    measured = await asyncio.to_thread(lambda: tuple(_measured(each) for each in processes))
    return Status(platform.phase, ready, measured, str(platform.folder))


def _own(platform: Platform) -> list[Process]:
    pids = {_SUPERVISOR: os.getpid(), "zygote": platform.zygote.pid}
    return [Process(name, _SUPERVISOR, pid, _alive(pid)) for name, pid in pids.items()]


def _stores(platform: Platform) -> list[Process]:
    addresses = platform.stack.addresses
    return [
        Process(
            name,
            "store",
            pid,
            _alive(pid) if platform.phase is not Phase.STARTING else ProcessState.STARTING,
            platform.store_restarts[name],
            addresses={"server": addresses[name]} if name in addresses else {},
        )
        for name, pid in platform.stack.pids.items()
    ]


def _alive(pid: int | None) -> ProcessState:
    return ProcessState.READY if pid is not None else ProcessState.BACKOFF


def _measured(process: Process) -> Process:
    if process.pid is None:
        return process
    try:
        uptime = time.time() - psutil.Process(process.pid).create_time()
    except psutil.Error:
        return process
    own = process.kind == _SUPERVISOR
    used = memory.used_bytes(process.pid, descendants=not own)
    return dataclasses.replace(process, memory_bytes=used, uptime_seconds=round(max(0.0, uptime), 1))
