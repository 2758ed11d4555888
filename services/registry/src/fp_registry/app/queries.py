"""Reads: from the projection when it can answer, from Postgres when it cannot."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TypeVar

from fp_kernel import PageRequest, Unavailable

from fp_registry.app.ports import Observe, Records
from fp_registry.app.positions import Position
from fp_registry.app.read_ports import (
    Document,
    EnsembleFilter,
    EnsembleUse,
    ModelFilter,
    ModelRef,
    Projection,
    ReadModel,
    Rows,
    VersionRef,
)
from fp_registry.app.refusals import no_model, no_version
from fp_registry.domain.promotion import Tenure
from fp_registry.domain.stages import Stage

_FIRST_PAUSE = 0.002
_LONGEST_PAUSE = 0.05

Answer = TypeVar("Answer")


class Queries:
    """A read that names positions sees what was written up to there, whatever the projection's delay.

    patience: seconds to wait for the projection before Postgres is asked instead.
    observe: `hit`, `miss` (the projection does not have it), `late` (not within patience) or `away`.
    """

    def __init__(
        self, projection: Projection, source: ReadModel, records: Records, *, patience: float, observe: Observe
    ) -> None:
        self._projection = projection
        self._source = source
        self._records = records
        self._patience = patience
        self._observe = observe

    async def model(self, team: str, ref: ModelRef, positions: Sequence[Position]) -> Document:
        """Raises NotFound."""
        found = await self._read(team, positions, lambda store: store.model(team, ref))
        if found is None:
            raise no_model()
        return found

    async def version(self, team: str, ref: VersionRef, positions: Sequence[Position]) -> Document:
        """Without its baseline profile; see `baseline`. Raises NotFound."""
        found = await self._read(team, positions, lambda store: store.version(team, ref))
        if found is None:
            raise no_version()
        return found

    async def current_version(self, team: str, ref: VersionRef) -> Document:
        """The same after every change of its model that is under way. Raises NotFound."""
        await self._records.wait_for_changes(team, ref)
        found = await self._source.version(team, ref)
        if found is None:
            raise no_version()
        return found

    async def models(self, team: str, models: ModelFilter, page: PageRequest, positions: Sequence[Position]) -> Rows:
        found = await self._read(team, positions, lambda store: store.models(team, models, page))
        return found or Rows(())

    async def count(self, team: str, models: ModelFilter, positions: Sequence[Position]) -> int:
        """How many models match."""
        return await self._read(team, positions, lambda store: store.count(team, models)) or 0

    async def versions(
        self, team: str, model_id: str, stage: Stage | None, page: PageRequest, positions: Sequence[Position]
    ) -> Rows:
        """Raises NotFound when the model is not there."""
        found = await self._read(team, positions, lambda store: store.versions(team, model_id, stage, page))
        if found is None:
            raise no_model()
        return found

    async def ensembles(
        self, team: str, wanted: EnsembleFilter, page: PageRequest
    ) -> tuple[Sequence[EnsembleUse], str]:
        """Asked seldom: not in the projection."""
        return await self._records.ensembles(team, wanted, page)

    async def baseline(self, team: str, version_id: str) -> bytes:
        """Up to 256 KiB that is hardly ever read: not in the projection."""
        return await self._records.baseline(team, version_id)

    async def history(self, team: str, model_id: str, page: PageRequest) -> tuple[Sequence[Tenure], str]:
        """Raises NotFound when the model is not there."""
        found = await self._records.tenures(team, model_id, page)
        if found is None:
            raise no_model()
        return found

    async def history_at(self, team: str, model_id: str, moment: datetime) -> Sequence[Tenure]:
        """Raises NotFound when the model is not there."""
        found = await self._records.tenure_at(team, model_id, moment)
        if found is None:
            raise no_model()
        return found

    async def _read(
        self, team: str, positions: Sequence[Position], ask: Callable[[ReadModel], Awaitable[Answer | None]]
    ) -> Answer | None:
        try:
            outcome = "late"
            if await self._reached(team, positions):
                found = await ask(self._projection)
                if found is not None:
                    self._observe("hit")
                    return found
                outcome = "miss"
        except Unavailable:
            outcome = "away"
        self._observe(outcome)
        return await ask(self._source)

    async def _reached(self, team: str, positions: Sequence[Position]) -> bool:
        """Whether the projection has all of it within the patience."""
        waiting = list(positions)
        pause = _FIRST_PAUSE
        try:
            async with asyncio.timeout(self._patience):
                while waiting:
                    if await self._projection.revision(team, waiting[0].model_id) >= waiting[0].revision:
                        waiting.pop(0)
                        continue
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE)
        except TimeoutError:
            return False
        return True
