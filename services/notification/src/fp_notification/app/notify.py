"""Tell recipients of events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fp_kernel import Clock

from fp_notification.app.ports import Reads, Transaction, Transactions
from fp_notification.app.posting import post
from fp_notification.domain.matching import Facts, Told, decide, is_silent
from fp_notification.domain.notifications import write
from fp_notification.domain.recipients import Recipient
from fp_notification.domain.texts import Texts


@dataclass(frozen=True, slots=True)
class Notify:
    transactions: Transactions
    reads: Reads
    texts: Texts
    clock: Clock

    async def __call__(self, batch: Sequence[Facts]) -> int:
        """How many recipients heard something new. Events that concern nobody leave no trace here."""
        teams = {facts.team for facts in batch if facts.team and not is_silent(facts.type)}
        if not teams:
            return 0
        audience = await self.reads.audience(teams)
        asked = _asked(batch, audience)
        if not asked:
            return 0
        new = 0
        async with self.transactions() as tx:
            fresh = await tx.fresh(asked)
            # In one order everywhere, as the inbox has it.
            for event_id in sorted(fresh):
                new += await self._tell(tx, *asked[event_id])
        return new

    async def _tell(self, tx: Transaction, facts: Facts, told: Sequence[Told]) -> int:
        new = 0
        for each in told:
            new += await post(tx, write(facts, each, self.texts, self.clock.now()))
        return new


def _asked(
    batch: Sequence[Facts], audience: Mapping[str, Sequence[Recipient]]
) -> dict[str, tuple[Facts, Sequence[Told]]]:
    """The events that somebody is told of, by id. Most batches are many events of few kinds: each is decided once."""
    decided: dict[tuple[str, str, int], Sequence[Told]] = {}
    for facts in batch:
        kind = (facts.team, facts.type, facts.severity)
        if kind not in decided:
            decided[kind] = decide(facts, audience.get(facts.team, ()))
    found = ((facts, decided[facts.team, facts.type, facts.severity]) for facts in batch)
    return {facts.event_id: (facts, told) for facts, told in found if told}
