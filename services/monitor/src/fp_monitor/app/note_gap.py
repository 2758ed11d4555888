"""Predictions were dropped before they were read."""

from dataclasses import replace

from fp_kernel import Clock

from fp_monitor.app.ports import Transactions
from fp_monitor.domain.gap import Gap


class NoteGap:
    """Before any prediction behind the gap is counted: the windows that are open now are those that it lies in."""

    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(self, gap: Gap) -> None:
        """Once in effect, however often and by how many replicas it is reported; its `noticed_at` is set here."""
        async with self._transactions() as tx:
            await tx.gaps.add(replace(gap, noticed_at=self._clock.now()))
