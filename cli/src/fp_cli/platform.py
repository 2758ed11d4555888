"""The platform of this machine, started and remembered."""

import asyncio
import os
from pathlib import Path

from fp_devstack.client import Access, SupervisorClient
from fp_devstack.launch import SOCKET, ensure
from fp_kernel import invalid

from fp_cli import context as contexts


def check(folder: Path) -> None:
    """Raises InvalidArgument when the folder cannot be one of ours."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir():
        raise invalid("data", f"{there} is not a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise invalid("data", f"{there} cannot be written to")


def start(folder: Path, seconds: float) -> Access:
    """Start the supervisor when none runs, and wait until everything is ready.

    Raises DeadlineExceeded naming what is not ready.
    """

    async def ready() -> Access:
        await ensure(folder)
        client = SupervisorClient(folder / SOCKET)
        await client.wait_ready(seconds)
        return await client.access()

    return asyncio.run(ready())


def remember(folder: Path, access: Access) -> None:
    """Make it the platform that commands speak to; a login at another address is forgotten."""
    known = contexts.load()
    if known.address != access.address:
        known = contexts.Context()
    contexts.save(known)
    contexts.update(
        address=access.address,
        http_address=access.http_address,
        nats_url=access.nats_url,
        data_folder=str(folder),
    )


async def databases(folder: Path) -> dict[str, str]:
    """URL by service of the platform in `folder`. Raises Unavailable when it does not run."""
    return dict((await SupervisorClient(folder / SOCKET).access()).databases)
