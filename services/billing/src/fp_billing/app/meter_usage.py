"""Meter usage of one team within a transaction; shared by everything that meters."""

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


async def meter_usage(
    tx: Transaction, team: str, usages: Sequence[Usage], *, now: datetime, grace: Grace
) -> list[Metered]:
    """Meter each fact once, in the order given; one that is known changes nothing. Holds the team.

    grace: how long past periods still take what happened in them.
    Raises OutOfRange when a period cannot count it.
    """
    # Nobody else meters the team from here to the commit: what was known stays all that is known, and the quota is
    # crossed by one record only.
    plan = await tx.accounts.hold(team, now)
    known = dict(await tx.usage.recorded(team, [usage.fact for usage in usages]))
    accounts = _Accounts(tx, team, plan, now, grace)
    metered: list[Metered] = []
    for usage in usages:
        before = known.get(usage.fact)
        if before is None:
            known[usage.fact] = entry = await accounts.record(usage)
            metered.append(Metered(entry))
        else:
            metered.append(Metered(before, known=True))
    new = [each.record for each in metered if not each.known]
    if new:
        await tx.usage.add(new)
    await accounts.save()
    return metered


class _Accounts:
    """The accounts of a team that is held, one a period, as its new usage changes them."""

    def __init__(self, tx: Transaction, team: str, plan: RatePlan, now: datetime, grace: Grace) -> None:
        self._tx = tx
        self._team = team
        self._plan = plan
        self._now = now
        self._grace = grace
        self._accounts: dict[Period, Account] = {}

    async def record(self, usage: Usage) -> UsageRecord:
        account, at = await self._of(usage)
        recorded = record(account, usage, at)
        self._accounts[account.period] = recorded.account
        if recorded.exceeded is not None:
            self._tx.outbox.add(recorded.exceeded)
        return recorded.record

    async def save(self) -> None:
        for account in self._accounts.values():
            await self._tx.accounts.save(account)

    async def _of(self, usage: Usage) -> tuple[Account, datetime]:
        """The account that takes the fact, and when it counts there."""
        at = settle(usage.occurred_at or self._now, self._now, self._grace)
        account = await self._open(period_of(at))
        while account.closed:
            # Another replica's clock is ahead and its invoice is final: the next period takes it.
            at = account.period.end
            account = await self._open(period_of(at))
        return account, at

    async def _open(self, period: Period) -> Account:
        account = self._accounts.get(period)
        return account or await self._tx.accounts.find(self._team, period, self._plan)
