"""A store on its well-known ports, with the users and databases of the platform's services."""

import asyncio
import threading
from dataclasses import dataclass
from pathlib import Path

from fp_supervisor.loopback import RECORD

from fp_devstack import databases
from fp_devstack.failures import StoreFailed
from fp_devstack.files import make_data_folder, write_json
from fp_devstack.hosted.log import LogFollower
from fp_devstack.hosted.places import Place
from fp_devstack.hosted.readiness import Readiness
from fp_devstack.stack import Stack
from fp_devstack.supervisor.catalog import SERVICES, accesses

_EVERYWHERE = "0.0.0.0"
_POLL_SECONDS = 0.5
# Longer than any start: it is the kubelet, by the startup probe, that gives up.
_PATIENCE_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Pod:
    """folder: of its data. secrets: the file of its passwords, which is only read."""

    place: Place
    folder: Path
    secrets: Path

    def run(self, http_port: int, ended: threading.Event) -> None:
        """Returns when `ended` is set and the store has stopped. Raises StoreFailed, also when it ends by itself."""
        make_data_folder(self.folder)
        write_json(self.folder / RECORD, self.place.book)
        with Readiness(http_port) as readiness, LogFollower(self.folder / "logs" / f"{self.place.store}.log"):
            self._serve(readiness, ended)

    def _serve(self, readiness: Readiness, ended: threading.Event) -> None:
        name = self.place.store
        stack = Stack(
            self.folder,
            stores=[name],
            accesses=accesses(SERVICES),
            patience=_PATIENCE_SECONDS,
            listens=_EVERYWHERE,
            secrets=self.secrets,
        )
        with stack:
            if stack.addresses[name].rpartition(":")[2] != str(self.place.port):
                raise StoreFailed(f"{name} could not listen on {self.place.port}")
            if name == "postgres":
                asyncio.run(_create_databases(stack))
            readiness.say(lambda: stack.answers(name))
            while not ended.wait(_POLL_SECONDS):
                if stack.pids[name] is None:
                    raise StoreFailed(f"{name} has ended")
                stack.bound_logs()
            readiness.deny()


async def _create_databases(stack: Stack) -> None:
    for service in SERVICES:
        if service.database:
            await databases.ensure_database(stack.endpoints, service.noun, stack.database_password(service.noun))
