"""The platform the story plays on: the one that runs, else one of its own."""

from dataclasses import dataclass
from pathlib import Path

from fp_supervisor import Access, SupervisorClient
from fp_supervisor.launch import SOCKET, ensure

from fp_flights.story.narrator import Narrator

READY_SECONDS = 300.0


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
    with narrator.stage("platform") as stage:
        stage.note("starting stores and services")
        started = await ensure(folder)
        status = await client.wait_ready(READY_SECONDS)
        names = [process.name for process in status.processes if process.kind in {"store", "service"}]
        stage.done(f"{'started' if started else 'was running'}: {', '.join(names)}")
    return Platform(await client.access(), folder, started_here=started)


def _client(folder: Path) -> SupervisorClient:
    return SupervisorClient(folder / SOCKET)
