"""What runtimes say of their versions, in memory."""

from fp_kernel import Unavailable
from fp_pipeline.app.peers import Actor, RuntimeSpec, Served, ServedState
from pipeline_fakes.world import World


class FakeProbe:
    """A version whose id is in `broken` fails to load; one in `slow` never gets ready.

    alone: ids of versions that a shared runtime refuses.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.broken: set[str] = set()
        self.slow: set[str] = set()
        self.alone: set[str] = set()

    async def outcasts(self, team: str, address: str) -> frozenset[str]:
        return frozenset(self.alone)

    async def look(self, actor: Actor, address: str, spec: RuntimeSpec) -> Served:
        self._world.called("look", address)
        if spec.shared and spec.version_id in self.alone:
            return Served(ServedState.FAILED, "it ended 2 processes", alone=True)
        found = [stored for stored in self._world["runtimes"].values() if stored["address"] == address]
        if not found:
            raise Unavailable("nothing listens")
        if spec.version_id in self.broken:
            return Served(ServedState.FAILED, "the file is no ONNX model")
        if spec.version_id in self.slow:
            return Served(ServedState.LOADING)
        return Served(ServedState.READY, inputs=frozenset({"features"}))
