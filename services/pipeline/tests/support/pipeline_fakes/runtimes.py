"""The keeper of runtimes over a `World`."""

from collections.abc import Mapping

from fp_kernel import AlreadyExists
from fp_pipeline.app.peers import RuntimeSpec
from fp_pipeline.domain.replicas import Replicas
from fp_rpc.client.targets import target_of
from pipeline_fakes.world import World


class FakeRuntimes:
    def __init__(self, world: World) -> None:
        self._world = world

    async def start(self, name: str, spec: RuntimeSpec) -> str:
        self._world.called("start_runtime", name)
        runtimes = self._world["runtimes"]
        wanted = {
            "addresses": [f"shared.{spec.team}:1"] if spec.shared else [],
            "port": 20_000 + len(runtimes),
            "version_id": spec.version_id,
            "shared": spec.shared,
            "memory": spec.machine.memory,
        }
        stored = runtimes.setdefault(name, wanted)
        stored.pop("outdated", None)
        if stored.get("shared", False) != spec.shared:
            raise AlreadyExists("it runs with another spec")
        least = spec.replicas.least
        addresses = stored.setdefault("addresses", [stored.get("address", "")])
        addresses += [f"127.0.0.1:{stored['port'] + 1_000 * each}" for each in range(len(addresses), least)]
        stored["replicas"] = [least, spec.replicas.most, spec.replicas.target]
        stored["address"] = target_of(addresses[:least])
        self._world.save()
        return str(stored["address"])

    async def trim(self, name: str, replicas: Replicas) -> bool:
        self._world.called("trim_runtime", name)
        stored = self._world["runtimes"][name]
        del stored["addresses"][replicas.least :]
        self._world.save()
        return not stored.get("starting")

    async def stop(self, name: str) -> None:
        self._world.called("stop_runtime", name)
        self._world["runtimes"].pop(name, None)
        self._world.save()

    async def running(self) -> Mapping[str, str]:
        self._world.called("running")
        runtimes = self._world["runtimes"].items()
        return {name: target_of(stored.get("addresses", [stored["address"]])) for name, stored in runtimes}

    async def outdated(self) -> frozenset[str]:
        self._world.called("outdated")
        return frozenset(name for name, stored in self._world["runtimes"].items() if stored.get("outdated"))
