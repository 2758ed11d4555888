"""Starting a supervisor that stays behind."""

import asyncio
import sys
from pathlib import Path

from fp_kernel.errors import FailedPrecondition, Unavailable

from fp_devstack.client import SupervisorClient

SOCKET = "supervisor.sock"


async def ensure(folder: Path) -> bool:
    """Leave the folder with a supervisor that takes requests; answers whether it was started now.

    Raises FailedPrecondition with its own words when it cannot start.
    """
    try:
        await SupervisorClient(folder / SOCKET).status()
    except Unavailable:
        await _launch(folder)
        return True
    return False


async def _launch(folder: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "fp_devstack.supervisor", "--data", str(folder), "--detach"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    if process.returncode:
        raise FailedPrecondition(f"the platform cannot start: {errors.decode(errors='replace').strip()[-500:]}")
