"""The platform the story plays on: one elsewhere, the one that runs here, else one of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fp_cli.address import host_of, is_loopback
from fp_kernel.errors import invalid
from fp_supervisor import Access, SupervisorClient
from fp_supervisor.launch import SOCKET, ensure

from fp_flights.story.narrator import Narrator

READY_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Platform:
    """near: whether it is on this machine, where `folder` is its own. started_here: and has to be stopped."""

    access: Access
    folder: Path
    started_here: bool
    near: bool = True

    async def stop(self) -> None:
        await _client(self.folder).shutdown()


async def open_platform(where: Path | Access, narrator: Narrator) -> Platform:
    """where: the folder of one on this machine, or how another one is reached."""
    if isinstance(where, Access):
        return Platform(where, Path(), started_here=False, near=False)
    folder, client = where, _client(where)
    with narrator.stage("platform") as stage:
        stage.note("starting stores and services")
        started = await ensure(folder)
        status = await client.wait_ready(READY_SECONDS)
        names = [process.name for process in status.processes if process.kind in {"store", "service"}]
        stage.done(f"{'started' if started else 'was running'}: {', '.join(names)}")
    return Platform(await client.access(), folder, started_here=started)


def elsewhere(address: str, environment: Mapping[str, str], *, insecure: bool = False) -> Access:
    """How who has FP_EMAIL and FP_PASSWORD reaches the platform that speaks gRPC and HTTP at `host:port`.

    FP_CA_FILE: of the authority to trust. insecure: without it, in clear text to another machine.
    Raises InvalidArgument where one of them is missing.
    """
    for name in ("FP_EMAIL", "FP_PASSWORD"):
        if not environment.get(name):
            raise invalid(name, "is missing: of an account that may do everything in its team")
    if not (environment.get("FP_CA_FILE") or insecure or is_loopback(host_of(address))):
        raise invalid("FP_CA_FILE", "is missing: in clear text others read the password; --insecure allows it")
    return Access(
        address=address,
        http_address=address,
        nats_url="",
        email=environment["FP_EMAIL"],
        password=environment["FP_PASSWORD"],
        team="",
        ca_file=environment.get("FP_CA_FILE", ""),
    )


def _client(folder: Path) -> SupervisorClient:
    return SupervisorClient(folder / SOCKET)
