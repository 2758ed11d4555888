"""The withdrawals by which this replica verifies credentials."""

import math
from collections.abc import Awaitable, Callable, Sequence

from fp_rpc.identity.withdrawals import Withdrawal

from fp_auth.app.account_ports import WithdrawalReads


def stored_withdrawals(reads: WithdrawalReads) -> Callable[[], Awaitable[Sequence[Withdrawal]]]:
    """What other services ask auth for, out of the database."""

    async def load() -> Sequence[Withdrawal]:
        return [
            Withdrawal(
                kind=each.kind,
                id=each.id,
                revision=each.revision,
                until=each.until.timestamp(),
                before=each.before.timestamp() if each.before else math.inf,
                spared_session=each.spared_session,
            )
            async for page in reads.pages()
            for each in page
        ]

    return load
