"""Correct what a team owes for a month."""

from dataclasses import replace

from fp_kernel import Clock, Command, Principal

from fp_billing.app.ports import Transactions
from fp_billing.domain.adjustments import Adjustment, NewAdjustment, adjust, check_adjustment
from fp_billing.domain.periods import Period, period_of


class CreateAdjustment:
    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(self, new: NewAdjustment, caller: Principal, command: Command) -> Adjustment:
        """On the invoice of the month itself while that is open, else on the present month's.

        Raises InvalidArgument naming the field, FailedPrecondition when the invoice is in another currency.
        """
        now = self._clock.now()
        check_adjustment(new, now)
        async with self._transactions(command) as tx:
            plan = await tx.accounts.hold(new.team, now)
            account = await tx.accounts.find(new.team, new.period, plan)
            while account.closed:
                # The present month too may be closed, by a replica whose clock is ahead.
                following = max(Period(account.period.end), period_of(now))
                account = await tx.accounts.find(new.team, following, plan)
            adjustment = adjust(new, account.period, account.plan.currency, by=caller.user_id, now=now)
            await tx.adjustments.add(adjustment)
            # Its draft lacks the entry.
            await tx.accounts.save(replace(account, drafted=False))
            await tx.complete(adjustment)
        return adjustment
