"""Delete what can never matter again."""

from dataclasses import dataclass

from fp_kernel import Clock

from fp_auth.app.login import forgotten_before
from fp_auth.app.ports import Transactions

# Families take all their spent tokens with them, 96 a day and tab.
_BITE = 200


@dataclass(frozen=True, slots=True)
class Prune:
    transactions: Transactions
    clock: Clock

    async def __call__(self) -> int:
        """How many sessions and counters went; a bite a transaction, so that no lock is long."""
        now, gone = self.clock.now(), 0
        while True:
            async with self.transactions() as tx:
                bites = await tx.sessions.prune(now, _BITE), await tx.attempts.prune(forgotten_before(now), _BITE)
            gone += sum(bites)
            if max(bites) < _BITE:
                return gone
