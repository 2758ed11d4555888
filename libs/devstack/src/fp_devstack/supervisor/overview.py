"""The overview that `fp status` prints."""

import asyncio
import dataclasses
import os
import time
from collections.abc import Sequence

import psutil
from fp_supervisor import Phase, Process, ProcessState, Status

from fp_devstack.supervisor import memory as memories
from fp_devstack.supervisor.platform import Platform

_SUPERVISOR = "supervisor"


async def status(platform: Platform, *, memory: bool) -> Status:
    """Every process. memory: measured too, which takes some ten milliseconds."""
    processes = [*_own(platform), *_stores(platform), *_services(platform)]
    if platform.phase is Phase.RUNNING:
        processes += [unit.report() for unit in platform.runtimes.units.values()]
        processes += platform.jobs.processes()
    needed = [each for each in processes if each.kind in {"store", "service"}]
    ready = platform.phase is Phase.RUNNING and all(each.state is ProcessState.READY for each in needed)
    measured = await asyncio.to_thread(_measure, processes) if memory else tuple(processes)
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


def _services(platform: Platform) -> list[Process]:
    """Those that wait for their stores too, so that a user who waits sees what for."""
    waiting = ProcessState.STARTING if platform.phase is Phase.STARTING else ProcessState.STOPPED
    return [
        platform.units[noun].report() if noun in platform.units else Process(noun, "service", None, waiting)
        for noun in (service.noun for service in platform.services)
    ]


def _alive(pid: int | None) -> ProcessState:
    return ProcessState.READY if pid is not None else ProcessState.BACKOFF


def _measure(processes: Sequence[Process]) -> tuple[Process, ...]:
    children = memories.children()
    return tuple(_measured(each, children) for each in processes)


def _measured(process: Process, children: memories.Children) -> Process:
    if process.pid is None:
        return process
    used = memories.used_bytes(process.pid, {} if process.kind == _SUPERVISOR else children)
    uptime = process.uptime_seconds or _uptime(process.pid)
    return dataclasses.replace(process, memory_bytes=used, uptime_seconds=uptime)


def _uptime(pid: int) -> float:
    try:
        return round(max(0.0, time.time() - psutil.Process(pid).create_time()), 1)
    except psutil.Error:
        return 0.0
