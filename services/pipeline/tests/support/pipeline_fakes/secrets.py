"""The secrets of a `World`."""

from collections.abc import Mapping, Sequence

from fp_kernel import NotFound
from pipeline_fakes.world import World


class FakeSecrets:
    """Values of the world's `secrets` by reference."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def resolve(self, team: str, user_id: str, references: Sequence[str], *, purpose: str) -> Mapping[str, bytes]:
        self._world.called("resolve", f"{team} {purpose}")
        known = self._world["secrets"]
        for reference in references:
            if reference not in known:
                raise NotFound(f"{reference}: no such secret", reason="SECRET_NOT_FOUND")
        return {reference: known[reference].encode() for reference in references}
