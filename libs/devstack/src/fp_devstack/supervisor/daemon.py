"""The process itself: one a folder, its socket, its signals, its end."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fp_kernel.errors import Error

from fp_devstack import files, locks
from fp_devstack.supervisor.catalog import Service
from fp_devstack.supervisor.control import Control, listen
from fp_devstack.supervisor.environment import outer
from fp_devstack.supervisor.operations import Operations
from fp_devstack.supervisor.platform import Platform

SOCKET, PID, LOCK = "supervisor.sock", "supervisor.pid", ".supervisor.lock"
# A supervisor that is just ending, or was just killed.
_LOCK_SECONDS = 5.0
_ANSWER_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Options:
    """preload: modules for the zygote; the default list when empty. tls: whether everything speaks TLS.
    public: whether the edge listens on every address of the machine.
    """

    folder: Path
    services: tuple[Service, ...]
    preload: tuple[str, ...] = ()
    tls: bool = False
    public: bool = False


def note(text: str) -> None:
    """A line of the supervisor's own log."""
    print(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), text, file=sys.stderr, flush=True)  # noqa: T201


def run(options: Options, listening: Callable[[], None] = lambda: None) -> int:
    """Runs until a signal or a request stops it; returns the exit code.

    listening: called when the socket takes requests; the stores may still be starting then.
    Raises FolderInUse when another supervisor runs in the folder.
    """
    folder = options.folder
    files.make_data_folder(folder)
    os.umask(0o077)
    locks.acquire(folder / LOCK, patience=_LOCK_SECONDS)  # kept to the very end of the process
    try:
        files.write_private(folder / PID, f"{os.getpid()}\n")
        return asyncio.run(_serve(options, listening))
    finally:
        for name in (SOCKET, PID):
            (folder / name).unlink(missing_ok=True)


async def _serve(options: Options, listening: Callable[[], None]) -> int:
    platform = Platform(
        options.folder,
        options.services,
        outer=outer(),
        preload=options.preload,
        note=note,
        tls=options.tls,
        public=options.public,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, platform.request_stop)
    control = Control(Operations(platform).table(), note)
    note(f"starts in {options.folder}")
    code = 0
    try:
        async with asyncio.TaskGroup() as group:
            server = group.create_task(control.serve(listen(options.folder / SOCKET)), name="control")
            listening()
            await platform.run()
            await control.drain(_ANSWER_SECONDS)
            server.cancel()
    except* Error as failures:
        code = 1
        for text in _messages(failures):
            note(f"cannot go on: {text}")
    note("has ended; nothing is left running")
    return code


def _messages(group: BaseExceptionGroup[Error]) -> list[str]:
    found: list[str] = []
    for each in group.exceptions:
        found += _messages(each) if isinstance(each, BaseExceptionGroup) else [each.message]
    return found
