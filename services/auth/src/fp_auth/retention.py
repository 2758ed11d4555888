"""Delete what can never matter again."""

from fp_kernel import Clock

from fp_auth.app.ports import Transactions
from fp_auth.app.sign_in_ports import SignInTransactions

# Families take all their spent tokens with them, 96 a day and tab.
_BITE = 200


class Prune:
    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(self) -> int:
        """How many rows went; a bite a transaction, so that no lock is long."""
        now, gone = self._clock.now(), 0
        while True:
            async with self._transactions() as tx:
                bites = (
                    await tx.sessions.prune(now, _BITE),
                    await tx.attempts.prune(now, _BITE),
                    await tx.withdrawals.prune(now, _BITE),
                    await tx.job_executions.prune(now, _BITE),
                    await tx.account_links.prune(now, _BITE),
                    await tx.invitations.prune(now, _BITE),
                )
            gone += sum(bites)
            if max(bites) < _BITE:
                return gone


class PruneSignIns:
    """Codes that nobody used, and marks of what was used and is over."""

    def __init__(self, transactions: SignInTransactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(self) -> int:
        """How many rows went."""
        now, gone = self._clock.now(), 0
        while True:
            async with self._transactions() as tx:
                bites = await tx.device_sign_ins.prune(now, _BITE), await tx.spent_tokens.prune(now, _BITE)
            gone += sum(bites)
            if max(bites) < _BITE:
                return gone
