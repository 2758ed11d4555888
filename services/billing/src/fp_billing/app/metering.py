"""Usage of one team into its accounts; shared by everything that meters."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fp_billing.app.ports import Transaction
from fp_billing.domain.accounts import Account, record
from fp_billing.domain.periods import Grace, Period, period_of, settle
from fp_billing.domain.plans import RatePlan
from fp_billing.domain.usage import Usage, UsageRecord


@dataclass(frozen=True, slots=True)
class Metered:
    """known: it was metered before; `record` is that one."""

    record: UsageRecord
    known: bool = False


class Metering:
    """One team's part of a transaction. `grace`: how long past periods still take what happened in them."""

    def __init__(self, tx: Transaction, team: str, now: datetime, grace: Grace) -> None:
        self._tx = tx
        self._team = team
        self._now = now
        self._grace = grace
        self._accounts: dict[Period, Account] = {}

    async def __call__(self, usages: Sequence[Usage]) -> list[Metered]:
        """Meter each fact once, in the order given; one that is known changes nothing.

        Raises OutOfRange when a period cannot count it.
        """
        # Nobody else meters the team from here to the commit: what was known stays all that is known, and the quota is
        # crossed by one record only.
        plan = await self._tx.hold(self._team, self._now)
        known = dict(await self._tx.recorded(self._team, [usage.fact for usage in usages]))
        metered: list[Metered] = []
        for usage in usages:
            before = known.get(usage.fact)
            if before is None:
                known[usage.fact] = entry = await self._record(usage, plan)
                metered.append(Metered(entry))
            else:
                metered.append(Metered(before, known=True))
        new = [each.record for each in metered if not each.known]
        if new:
            await self._tx.add_usage(new)
        for account in self._accounts.values():
            await self._tx.save_account(account)
        return metered

    async def _record(self, usage: Usage, plan: RatePlan) -> UsageRecord:
        account, at = await self._account(usage, plan)
        recorded = record(account, usage, at)
        self._accounts[account.period] = recorded.account
        if recorded.exceeded is not None:
            self._tx.emit(recorded.exceeded)
        return recorded.record

    async def _account(self, usage: Usage, plan: RatePlan) -> tuple[Account, datetime]:
        """The account that takes the fact, and when it counts there."""
        at = settle(usage.occurred_at or self._now, self._now, self._grace)
        account = await self._open(period_of(at), plan)
        while account.closed:
            # Another replica's clock is ahead and its invoice is final: the next period takes it.
            at = account.period.end
            account = await self._open(period_of(at), plan)
        return account, at

    async def _open(self, period: Period, plan: RatePlan) -> Account:
        account = self._accounts.get(period)
        return account or await self._tx.account(self._team, period, plan)
