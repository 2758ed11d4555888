"""The keeper of runtimes over a `World`."""

from collections.abc import Mapping

from fp_kernel import AlreadyExists
from fp_pipeline.app.peers import RuntimeSpec
from pipeline_fakes.world import World


class FakeRuntimes:
    def __init__(self, world: World) -> None:
        self._world = world

    async def start(self, name: str, spec: RuntimeSpec) -> str:
        self._world.called("start_runtime", name)
        runtimes = self._world["runtimes"]
        port = 20_000 + len(runtimes)
        address = f"127.0.0.1:{port}" if not spec.shared else f"shared.{spec.team}:1"
        wanted = {
            "address": address,
            "version_id": spec.version_id,
            "shared": spec.shared,
            "replicas": [spec.replicas.least, spec.replicas.most, spec.replicas.target],
            "memory": spec.machine.memory,
        }
        stored = runtimes.setdefault(name, wanted)
        stored.pop("outdated", None)
        if stored.get("shared", False) != spec.shared:
            raise AlreadyExists("it runs with another spec")
        self._world.save()
        found: str = stored["address"]
        return found

    async def stop(self, name: str) -> None:
        self._world.called("stop_runtime", name)
        self._world["runtimes"].pop(name, None)
        self._world.save()

    async def running(self) -> Mapping[str, str]:
        self._world.called("running")
        return {name: stored["address"] for name, stored in self._world["runtimes"].items()}

    async def outdated(self) -> frozenset[str]:
        self._world.called("outdated")
        return frozenset(name for name, stored in self._world["runtimes"].items() if stored.get("outdated"))
