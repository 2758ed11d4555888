"""The platform the story plays on: the one that runs, else one of its own."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from fp_devstack import supervisor
from fp_devstack.client import Access, SupervisorClient
from fp_kernel import Unavailable

from fp_flights.story.narrator import Narrator

READY_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Platform:
    """started_here: whether the story started it, and so has to stop it."""

    access: Access
    folder: Path
    started_here: bool

    async def stop(self) -> None:
        await _client(self.folder).shutdown()


async def open_platform(folder: Path, narrator: Narrator) -> Platform:
    client = _client(folder)
    try:
        await client.status()
        running = True
    except Unavailable:
        running = False
    with narrator.stage("platform") as stage:
        if not running:
            stage.note("starting stores and services")
            await asyncio.to_thread(supervisor.launch, folder)
        status = await client.wait_ready(READY_SECONDS)
        names = [process.name for process in status.processes if process.kind in {"store", "service"}]
        stage.done(f"{'was running' if running else 'started'}: {', '.join(names)}")
    return Platform(await client.access(), folder, started_here=not running)


def _client(folder: Path) -> SupervisorClient:
    return SupervisorClient(folder / "supervisor.sock")
