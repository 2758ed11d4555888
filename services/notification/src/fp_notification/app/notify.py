"""Notify recipients of events."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from fp_kernel import Clock

from fp_notification.app.ports import Reads, Transaction, Transactions
from fp_notification.app.posting import Post, post
from fp_notification.domain.floods import WINDOW, Flood, Kind, window_of
from fp_notification.domain.matching import Addressee, Facts, decide, is_silent
from fp_notification.domain.notifications import write
from fp_notification.domain.recipients import Recipient
from fp_notification.domain.templates import Templates

Audience = Mapping[str, Sequence[Recipient]]


class Notify:
    def __init__(self, transactions: Transactions, reads: Reads, templates: Templates, clock: Clock) -> None:
        self._transactions = transactions
        self._reads = reads
        self._templates = templates
        self._clock = clock

    async def __call__(self, batch: Sequence[Facts]) -> int:
        """How many notifications are new. Events that concern nobody leave no trace here."""
        teams = {facts.team for facts in batch if facts.team and not is_silent(facts.type)}
        if not teams:
            return 0
        audience = await self._reads.audience(teams)
        asked = _asked(batch, audience)
        if not asked:
            return 0
        now = self._clock.now()
        async with self._transactions() as tx:
            fresh = await tx.inbox.fresh(asked)
            floods = await self._floods(tx, [asked[event_id] for event_id in sorted(fresh)], now)
            new = await post(tx, [each for flood in floods for each in self._single(flood, audience, now)])
            await post(tx, [each for flood in floods for each in self._digest(flood, audience, now)])
        return new

    async def _floods(self, tx: Transaction, events: Iterable[Facts], now: datetime) -> Sequence[Flood]:
        """By kind, in one order everywhere: two replicas that count the same kinds wait for each other."""
        kinds: defaultdict[Kind, list[Facts]] = defaultdict(list)
        for facts in events:
            kinds[Kind(facts.team, facts.type, facts.resource_id)].append(facts)
        begins = window_of(now)
        before = await tx.notifications.count_events({kind: len(kinds[kind]) for kind in sorted(kinds)}, begins)
        return [Flood(kind, begins, before[kind], kinds[kind]) for kind in sorted(kinds)]

    def _single(self, flood: Flood, audience: Audience, now: datetime) -> Iterable[Post]:
        for facts in flood.single:
            for addressee in decide(facts, audience[facts.team]):
                yield self._post(facts, addressee, now)

    def _digest(self, flood: Flood, audience: Audience, now: datetime) -> Iterable[Post]:
        """Shown in the application at once, with a number that grows; sent to webhooks when the window is over."""
        if not flood.rest:
            return
        digest = flood.digest()
        left = (flood.begins_at + WINDOW - now).total_seconds()
        for addressee in decide(digest, audience[digest.team]):
            yield self._post(digest, addressee, now, events=flood.digested, due_in=max(0.0, left))

    def _post(self, facts: Facts, addressee: Addressee, now: datetime, *, events: int = 1, due_in: float = 0.0) -> Post:
        notification = write(facts, addressee, self._templates, now, events)
        return Post(notification, addressee.recipient.channels, due_in)


def _asked(batch: Sequence[Facts], audience: Audience) -> dict[str, Facts]:
    """The events that concern somebody, by id. Most batches are many events of few kinds: each is decided once."""
    decided: dict[tuple[str, str, int], bool] = {}
    for facts in batch:
        kind = (facts.team, facts.type, facts.severity)
        if kind not in decided:
            decided[kind] = bool(decide(facts, audience.get(facts.team, ())))
    return {facts.event_id: facts for facts in batch if decided[facts.team, facts.type, facts.severity]}
