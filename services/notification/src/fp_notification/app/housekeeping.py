"""Forget notifications that are too old to matter."""

import asyncio
from datetime import datetime, timedelta
from typing import NoReturn, Protocol

from fp_kernel import Clock, Error
from fp_telemetry import get_logger

_log = get_logger(__name__)
_BITE = 1_000


class Archive(Protocol):
    async def forget(self, before: datetime, now: datetime, limit: int) -> int:
        """Delete notifications of before that time with their deliveries and attempts; how many."""


class Housekeeping:
    def __init__(self, archive: Archive, clock: Clock, *, keep: timedelta, every: float) -> None:
        """every: seconds between two rounds."""
        self._archive = archive
        self._clock = clock
        self._keep = keep
        self._every = every

    async def run(self) -> NoReturn:
        while True:
            try:
                await self.once()
            except Error as error:
                _log.warning("old notifications stay for now", reason=error.message)
            await asyncio.sleep(self._every)

    async def once(self) -> int:
        """In small bites: short locks, and vacuum keeps up."""
        now, forgotten = self._clock.now(), 0
        while True:
            bite = await self._archive.forget(now - self._keep, now, _BITE)
            forgotten += bite
            if bite < _BITE:
                return forgotten
