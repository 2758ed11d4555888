"""Rebuild a projection that is lost, and project changes that no event brought."""

from fp_kernel import Aborted, FailedPrecondition, Unavailable
from fp_telemetry import get_logger

from fp_registry.app.project import Projector
from fp_registry.app.projection_ports import Changes, Generations
from fp_registry.app.rebuild import Rebuild

_BATCH = 100

_log = get_logger(__name__)


class MaintainProjection:
    """Rebuilds a projection that is lost or may have lost its last writes, and projects the models that were noted.

    Every replica runs it; a model that is projected twice is the same.
    """

    def __init__(self, generations: Generations, changes: Changes, projector: Projector, rebuild: Rebuild) -> None:
        self._generations = generations
        self._changes = changes
        self._projector = projector
        self._rebuild = rebuild

    async def __call__(self) -> None:
        """Outages of the stores are waited out: the next call does the rest."""
        try:
            await self.once()
        except Unavailable:
            _log.debug("a store of the projection is away")

    async def once(self) -> None:
        """Raises Unavailable while a store is away."""
        state = await self._generations.state()
        if not state.building and not (state.current and await self._generations.sound()):
            await self._rebuild_once()
        await self._project_noted()

    async def _rebuild_once(self) -> None:
        try:
            await self._rebuild()
        except (FailedPrecondition, Aborted):
            _log.info("another replica rebuilds the projection")

    async def _project_noted(self) -> None:
        for team, model_id, revision in await self._changes.unprojected(_BATCH):
            await self._projector(team, model_id)
            await self._changes.projected(model_id, revision)
