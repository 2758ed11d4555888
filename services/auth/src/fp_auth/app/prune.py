"""Delete what can never matter again."""

from dataclasses import dataclass

from fp_kernel import Clock

from fp_auth.app.login import forgotten_before
from fp_auth.app.ports import Transactions


@dataclass(frozen=True, slots=True)
class Prune:
    transactions: Transactions
    clock: Clock

    async def __call__(self) -> int:
        """How many rows went."""
        now = self.clock.now()
        async with self.transactions() as tx:
            return await tx.sessions.prune(now) + await tx.attempts.prune(forgotten_before(now))
