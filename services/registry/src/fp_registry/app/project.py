"""Bring the projection of one model up to date."""

from collections.abc import Sequence

from fp_kernel import Aborted, Unavailable
from fp_telemetry import get_logger

from fp_registry.app.ports import Observe
from fp_registry.app.projection_ports import Applied, Changes, Generations

_ATTEMPTS = 5

_log = get_logger(__name__)


class Projector:
    """Copies what changed of a model from Postgres to the projection.

    An event says that a model changed, never what to write: its state is read when it is handled. So events may come
    twice, late or in any order, and the projection never goes back.
    """

    def __init__(self, changes: Changes, generations: Generations, observe: Observe) -> None:
        """observe: `applied`, `current`, `behind` for each copy."""
        self._changes = changes
        self._generations = generations
        self._observe = observe

    async def __call__(self, team: str, model_id: str) -> None:
        """Raises Unavailable while a store is away."""
        # The state first: a rebuild that begins after this line reads the change by itself.
        state = await self._generations.state()
        for generation in (state.current, state.building):
            if generation:
                await self._bring_up(generation, team, model_id)

    async def _bring_up(self, generation: str, team: str, model_id: str) -> None:
        for _ in range(_ATTEMPTS):
            base = await self._generations.revision_in(generation, team, model_id)
            snapshot = await self._changes.after(team, model_id, base)
            if snapshot is None or snapshot.model.revision <= base:
                self._observe(Applied.CURRENT.value)
                return
            (applied,) = await self._generations.apply(generation, base, (snapshot,))
            self._observe(applied.value)
            if applied is not Applied.BEHIND:
                return
        raise Aborted("the projection lost its base again and again")


class FollowModels:
    """Updates the projection by the events of the bus."""

    def __init__(self, projector: Projector, changes: Changes) -> None:
        self._projector = projector
        self._changes = changes

    async def __call__(self, models: Sequence[tuple[str, str]]) -> None:
        """models: team and id of each model that changed.

        Raises Unavailable only when Postgres is away: while the projection's store is, models are noted for later, so
        that an outage of any length makes no dead letters.
        """
        left = list(dict.fromkeys(models))
        while left:
            try:
                await self._projector(*left[0])
            except Unavailable:
                break
            left.pop(0)
        if left:
            _log.info("projection is away, models are noted for later", models=len(left))
        for team in dict.fromkeys(team for team, _ in left):
            await self._changes.note(team, [model_id for owner, model_id in left if owner == team])
