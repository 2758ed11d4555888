"""Starts and ends the supervisor of a folder from another program, such as `fp`."""

import asyncio
import contextlib
import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from fp_kernel.errors import DeadlineExceeded, Unavailable

from fp_devstack.client import SupervisorClient

SOCKET = "supervisor.sock"
_LOCK = ".supervisor.lock"
_START_SECONDS = 20.0
_STOP_SECONDS = 60.0
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


def client(folder: Path) -> SupervisorClient:
    return SupervisorClient(folder / SOCKET)


def start(folder: Path, *, options: Sequence[str] = (), environment: Mapping[str, str] | None = None) -> bool:
    """Starts a supervisor that outlives its caller, and returns when it takes requests; then `wait_ready` of the
    client tells when the platform answers. False when one runs already.

    options: further ones of `python -m fp_devstack.supervisor`.
    environment: instead of this process's own.
    Raises Unavailable with the reason when it does not start.
    """
    if is_running(folder):
        return False
    command = [sys.executable, "-m", "fp_devstack.supervisor", "--data", str(folder), "--detach", *options]
    done = subprocess.run(
        command,
        env=None if environment is None else dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        timeout=_START_SECONDS,
        check=False,
    )
    if done.returncode:
        raise Unavailable(done.stderr.decode("utf-8", "replace").strip()[-2000:])
    return True


async def stop(folder: Path) -> bool:
    """Stops everything and returns when the supervisor has ended. False when none was running.

    Raises DeadlineExceeded when it does not end.
    """
    if not is_running(folder):
        return False
    with contextlib.suppress(Unavailable):  # it may end before it answers
        await client(folder).shutdown()
    deadline = time.monotonic() + _STOP_SECONDS
    while is_running(folder):
        if time.monotonic() >= deadline:
            raise DeadlineExceeded(f"the supervisor of {folder} does not end")
        await asyncio.sleep(_POLL_SECONDS)
    return True
