"""The platform of this machine, started and remembered."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

from fp_kernel import FailedPrecondition, invalid
from fp_supervisor import Access, SupervisorClient
from fp_supervisor.launch import SOCKET, ensure

from fp_cli import context as contexts


def check(folder: Path) -> None:
    """Raises InvalidArgument when the folder cannot be one of ours."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir():
        raise invalid("data", f"{there} is not a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise invalid("data", f"{there} cannot be written to")
    if there != folder:
        # Root may write anywhere, but not every file system has folders made.
        first = next(path for path in (folder, *folder.parents) if path.parent == there)
        try:
            first.mkdir()
            first.rmdir()
        except OSError as error:
            raise invalid("data", f"{first} cannot be made: {error.strerror}") from None


def start(folder: Path, seconds: float, *, tls: bool = False, public: bool = False) -> Access:
    """Start the supervisor when none runs, and wait until everything is ready.

    Raises DeadlineExceeded naming what is not ready, FailedPrecondition when one runs in clear text and TLS is wanted.
    """

    async def ready() -> Access:
        chosen = {"--tls": tls, "--public": public}
        started = await ensure(folder, options=[option for option, wanted in chosen.items() if wanted])
        client = SupervisorClient(folder / SOCKET)
        await client.wait_ready(seconds)
        access = await client.access()
        if tls and not access.ca_file:
            step = {"next_step": "stop it with `fp down`, then `fp up --tls`"}
            raise FailedPrecondition(f"the platform in {folder} runs in clear text", metadata=step)
        if public and not started:
            step = {"next_step": "stop it with `fp down`, then `fp up --tls --public`"}
            raise FailedPrecondition(f"the platform in {folder} runs already", metadata=step)
        return access

    return asyncio.run(ready())


def remember(folder: Path, access: Access, name: str = "") -> str:
    """Make it the platform that commands speak to; answers the name of its context.

    Without a name it is the context of this folder, else the current one unless that is another platform's, else a new
    one. A login at another address is forgotten.
    """
    with contexts.locked():
        known = contexts.everything()
        name = name or _name_for(folder, known)
        context = known.by_name.get(name, contexts.Context())
        if context.address != access.address:
            context = contexts.Context()
        fresh = replace(
            context,
            address=access.address,
            http_address=access.http_address,
            nats_url=access.nats_url,
            data_folder=str(folder),
            ca_file=access.ca_file,
        )
        contexts.save(fresh, name)
    contexts.use(name)
    return name


def _name_for(folder: Path, known: contexts.Contexts) -> str:
    for name, context in known.by_name.items():
        if context.data_folder == str(folder):
            return name
    if known.current and not known.by_name.get(known.current, contexts.Context()).address:
        return known.current
    return next(name for name in _names() if name not in known.by_name)


def _names() -> Iterator[str]:
    yield contexts.FIRST
    yield "local"
    yield from (f"local-{number}" for number in count(2))


async def databases(folder: Path) -> dict[str, str]:
    """URL by service of the platform in `folder`. Raises Unavailable when it does not run."""
    return dict((await SupervisorClient(folder / SOCKET).access()).databases)
