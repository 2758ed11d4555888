"""How each version does, from what inference says of each try of a prediction."""

from collections.abc import Sequence

from fp_pipeline.app.ports import Transactions
from fp_pipeline.domain.statistics import Gap, Try


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
