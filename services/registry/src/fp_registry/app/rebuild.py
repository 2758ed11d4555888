"""Fill a new generation of the projection from Postgres while reads go on, then switch to it."""

import asyncio
from collections.abc import Callable

from fp_kernel import Error
from fp_telemetry import get_logger

from fp_registry.app.projection_ports import Changes, Generations

_ABANDON_TIMEOUT = 2.0

_log = get_logger(__name__)


class Rebuild:
    """Changes made meanwhile are not lost: from `begin` on, every projector writes to both generations."""

    def __init__(self, changes: Changes, generations: Generations) -> None:
        self._changes = changes
        self._generations = generations

    async def __call__(self, progress: Callable[[int], None] = lambda _: None) -> int:
        """How many models it wrote. progress: hears it after each batch.

        Raises FailedPrecondition while another rebuild is at work, Aborted when another one took over, Unavailable.
        """
        generation = await self._generations.begin()
        try:
            models = await self._fill(generation, progress)
            await self._generations.switch(generation)
        except BaseException:
            await self._abandon(generation)
            raise
        await self._generations.sweep()
        _log.info("projection rebuilt", models=models, generation=generation)
        return models

    async def _fill(self, generation: str, progress: Callable[[int], None]) -> int:
        models = 0
        async for batch in self._changes.everything():
            await self._generations.apply(generation, 0, batch)
            await self._generations.extend(generation)
            models += len(batch)
            progress(models)
        return models

    async def _abandon(self, generation: str) -> None:
        try:
            async with asyncio.timeout(_ABANDON_TIMEOUT):
                await self._generations.abandon(generation)
        except (Error, TimeoutError):
            _log.info("rebuild could not be called off; its claim lapses", generation=generation)
