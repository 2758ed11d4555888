"""Forget what nobody can ask for any more."""

from collections.abc import Sequence
from datetime import timedelta

from fp_events import Consumer

from fp_postgres.database import Database


class Pruner:
    """Deletes old inbox rows, commands and published outbox rows, in small bites."""

    def __init__(
        self,
        database: Database,
        *,
        consumers: Sequence[Consumer] = (),
        commands: timedelta = timedelta(hours=24),
        outbox: timedelta = timedelta(hours=24),
        every: timedelta = timedelta(minutes=10),
    ) -> None:
        """consumers: their inbox rows are kept as long as an event may still arrive; others for 90 days."""
        self._database = database

    async def prune(self) -> int:
        """Once; the number of rows deleted."""
        raise NotImplementedError

    async def run(self) -> None:
        """Until cancelled; outages of the database are waited out."""
        raise NotImplementedError
