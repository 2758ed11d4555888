"""Starting a supervisor that stays behind, and ending it; for programs such as `fp`."""

import asyncio
import contextlib
import fcntl
import importlib.util
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from fp_kernel.errors import DeadlineExceeded, Error, FailedPrecondition, Unavailable

from fp_supervisor.client import SupervisorClient

SOCKET = "supervisor.sock"
_LOCK = ".supervisor.lock"
_END_SECONDS = 60.0
# What owns the stores and services; an image of the command alone has none of them.
_OWNER = "fp_devstack"
_POLL_SECONDS = 0.02


def is_running(folder: Path) -> bool:
    """Whether a supervisor owns the folder, also while it starts or stops."""
    try:
        descriptor = os.open(folder / _LOCK, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


async def ensure(folder: Path, *, options: Sequence[str] = (), environment: Mapping[str, str] | None = None) -> bool:
    """Leave the folder with a supervisor that takes requests; answers whether it was started now.

    Stores and services may still be starting: `wait_ready` of the client waits for them.

    options: further ones of `python -m fp_devstack.supervisor`.
    environment: instead of this process's own.
    Raises FailedPrecondition with its own words when it cannot start.
    """
    if await _answers(folder):
        return False
    try:
        await _launch(folder, options, environment)
    except FailedPrecondition:
        if await _answers(folder):  # two callers started one at the same time
            return False
        raise
    return True


async def stop(folder: Path) -> bool:
    """Stops everything and returns when the supervisor has ended; answers whether one was running.

    Raises DeadlineExceeded when it does not end.
    """
    if not is_running(folder):
        return False
    with contextlib.suppress(Unavailable):  # it ends already
        await SupervisorClient(folder / SOCKET).shutdown()
    deadline = time.monotonic() + _END_SECONDS
    while is_running(folder):
        if time.monotonic() >= deadline:
            raise DeadlineExceeded(f"the supervisor of {folder} does not end")
        await asyncio.sleep(_POLL_SECONDS)
    return True


async def _answers(folder: Path) -> bool:
    try:
        await SupervisorClient(folder / SOCKET).status(memory=False)
    except Unavailable:
        return False
    except Error:
        return True
    return True


async def _launch(folder: Path, options: Sequence[str], environment: Mapping[str, str] | None) -> None:
    if importlib.util.find_spec(_OWNER) is None:
        raise FailedPrecondition("the stores of a laptop are not installed here: install fp-cli[laptop]")
    # A file and no pipe: on uvloop the supervisor left behind holds the pipe open, so that its end was waited for.
    with tempfile.TemporaryFile() as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-P", "-m", f"{_OWNER}.supervisor", "--data", str(folder), "--detach", *options),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=errors,
            env=None if environment is None else dict(environment),
        )
        if await process.wait():
            errors.seek(0)
            said = errors.read().decode(errors="replace").strip()
            raise FailedPrecondition(f"the platform cannot start: {said[-500:]}")
