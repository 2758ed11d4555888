"""Meter usage: one fact that a caller sends, or a batch of events."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from fp_kernel import Clock, Command

from fp_billing.app.meter_usage import Metered, meter_usage
from fp_billing.app.ports import Transaction, Transactions
from fp_billing.domain.periods import Grace, day_of
from fp_billing.domain.reconciliation import Reconciliation, added, taken
from fp_billing.domain.storage import ArchivedModel, RestoredModel, StoredVersion
from fp_billing.domain.usage import Usage, check_usage


class RecordUsage:
    def __init__(self, transactions: Transactions, clock: Clock, grace: Grace) -> None:
        self._transactions = transactions
        self._clock = clock
        self._grace = grace

    async def __call__(self, team: str, usage: Usage, command: Command) -> Metered:
        """Raises InvalidArgument naming the field, OutOfRange when the period cannot count it."""
        check_usage(usage)
        async with self._transactions(command) as tx:
            (metered,) = await meter_usage(tx, team, [usage], now=self._clock.now(), grace=self._grace)
            await tx.complete(metered)
        return metered


@dataclass(frozen=True, slots=True)
class UsageEvent:
    """What one event of the bus says was used, what is stored from now on, no longer, or again.

    reconciled: its sender counts these usages too, in another event. counted: what it counted.
    """

    event_id: str
    team: str
    usages: tuple[Usage, ...] = ()
    stored: StoredVersion | None = None
    archived: ArchivedModel | None = None
    restored: RestoredModel | None = None
    reconciled: bool = False
    counted: tuple[Reconciliation, ...] = ()


class RecordEvents:
    def __init__(self, transactions: Transactions, clock: Clock, grace: Grace) -> None:
        self._transactions = transactions
        self._clock = clock
        self._grace = grace

    async def __call__(self, batch: Sequence[UsageEvent], consumer: str) -> int:
        """The inbox, the usage and its events in one transaction; how many facts were new.

        consumer: the durable that took them; its inbox remembers as long as its events may come again.
        Raises InvalidArgument or OutOfRange when one of them cannot be metered; then none is.
        """
        for event in batch:
            for usage in event.usages:
                check_usage(usage)
        now, new = self._clock.now(), 0
        async with self._transactions() as tx:
            fresh = await tx.fresh(consumer, (event.event_id for event in batch))
            by_team: defaultdict[str, list[UsageEvent]] = defaultdict(list)
            for event in batch:
                if event.event_id in fresh:
                    by_team[event.team].append(event)
            for team in sorted(by_team):
                usages = [usage for event in by_team[team] for usage in event.usages]
                metered = await meter_usage(tx, team, usages, now=now, grace=self._grace)
                new += sum(not each.known for each in metered)
                await _store(tx, team, by_team[team])
                await _reconcile(tx, team, by_team[team], metered)
        return new


async def _store(tx: Transaction, team: str, batch: Sequence[UsageEvent]) -> None:
    """Of a team that is held."""
    for event in batch:
        if event.stored is not None:
            await tx.storage.add(team, event.stored)
        if event.archived is not None:
            await tx.storage.archive(team, event.archived)
        if event.restored is not None:
            await tx.storage.restore(team, event.restored)


async def _reconcile(tx: Transaction, team: str, batch: Sequence[UsageEvent], metered: Sequence[Metered]) -> None:
    """Both sides of the comparison, of a team that is held. metered: of all usages of the batch, in their order."""
    parts, results = [part for event in batch for part in event.counted], iter(metered)
    for event in batch:
        for usage, result in zip(event.usages, results, strict=False):
            if event.reconciled and usage.occurred_at is not None:
                day = day_of(usage.occurred_at)
                parts.append(taken(team, day, usage.meter, usage.quantity, known=result.known))
    if parts:
        await tx.reconciliations.add(added(parts))
