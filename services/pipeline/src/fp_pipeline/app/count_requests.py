"""How each version does, from what inference says of each try of a prediction."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from fp_kernel import Clock, Error
from fp_telemetry import get_logger

from fp_pipeline.app.ports import Statistics, Transactions
from fp_pipeline.domain.statistics import Gap, Try

_log = get_logger(__name__)
# A canary lasts a day at most.
_KEPT = timedelta(days=2)
_EVERY = 600.0


class CountRequests:
    """A batch is one transaction with its inbox, so that a repetition changes nothing."""

    def __init__(self, transactions: Transactions, consumer: str) -> None:
        self._transactions = transactions
        self._consumer = consumer

    async def __call__(self, tries: Sequence[Try]) -> int:
        """How many were counted."""
        if not tries:
            return 0
        async with self._transactions() as tx:
            return await tx.statistics.count(self._consumer, tries)


class NoteGap:
    """Stores what can never be counted: the bus dropped events that the consumer had not read."""

    def __init__(self, transactions: Transactions, consumer: str) -> None:
        self._transactions = transactions
        self._consumer = consumer

    async def __call__(self, gap: Gap) -> None:
        async with self._transactions() as tx:
            await tx.statistics.lost(self._consumer, gap)


class ForgetRequests:
    """Drops the minutes that no canary can ask for any more."""

    def __init__(self, statistics: Statistics, clock: Clock) -> None:
        self._statistics = statistics
        self._clock = clock

    async def run(self) -> None:
        """Until cancelled; outages of the database are waited out."""
        while True:
            try:
                await self._statistics.forget(self._clock.now() - _KEPT)
            except Error as error:
                _log.warning("forgetting old counts will be tried again", reason=error.message)
            await asyncio.sleep(_EVERY)
