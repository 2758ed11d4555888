"""Facts in any order, cut in any way and told again: the month is the same."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

from fp_billing.adapters.memory.reads import MemoryReads
from fp_billing.adapters.memory.state import State
from fp_billing.adapters.memory.transactions import MemoryTransactions
from fp_billing.app.record_usage import RecordEvents, Told
from fp_billing.domain.meters import Meter
from fp_billing.domain.periods import Grace, Period, period_of
from fp_billing.domain.plans import DEFAULT_PLAN, Rate, RatePlan
from fp_billing.domain.usage import Usage
from fp_kernel import new_id
from fp_testkit.clock import ManualClock
from hypothesis import given, settings
from hypothesis import strategies as st

NOW = datetime(2013, 4, 2, 12, tzinfo=UTC)
LIMIT = 6
PLAN = RatePlan(
    new_id(), "p", "USD", dict.fromkeys(Meter, Rate(price_micros=7, included=4, quota=LIMIT)), DEFAULT_PLAN.created_at
)
# Of this month, of the last one whose grace lasts, of one that is long over.
MOMENTS = [NOW - timedelta(hours=1), NOW - timedelta(days=4), NOW - timedelta(days=60)]

facts = st.lists(
    st.builds(
        Usage,
        meter=st.sampled_from([Meter.INFERENCE_REQUEST, Meter.INFERENCE_TOKENS]),
        quantity=st.integers(0, 5),
        source_id=st.uuids().map(str),
        occurred_at=st.sampled_from(MOMENTS),
    ),
    max_size=12,
    unique_by=lambda usage: usage.key,
)


class World:
    def __init__(self):
        state = State()
        state.plans[PLAN.id] = PLAN
        state.teams.update(alpha=PLAN.id, beta=PLAN.id)
        self.state, self.transactions, self.reads = state, MemoryTransactions(state), MemoryReads(state)
        self.record = RecordEvents(self.transactions, ManualClock(NOW), Grace(timedelta(hours=72)))

    async def month(self, team, period):
        """Units and cost by meter, and how often the quota was told."""
        lines = self.state.lines(team, period)
        told = [event for event in self.transactions.events if event.type == "fp.billing.quota.exceeded"]
        crossed = Counter(
            event.payload.meter_type
            for event in told
            if event.team == team and period.holds(event.payload.occurred_at.ToDatetime(UTC))
        )
        return {line.meter: (line.quantity, line.billable, line.amount_micros) for line in lines}, crossed


def months(batches):
    async def run():
        world = World()
        for batch in batches:
            await world.record(batch)
        periods = [period_of(NOW), Period(datetime(2013, 3, 1, tzinfo=UTC))]
        return [await world.month(team, period) for team in ("alpha", "beta") for period in periods]

    return asyncio.run(run())


@settings(deadline=None, max_examples=60)
@given(facts, facts, st.randoms(use_true_random=False), st.integers(1, 5))
def test_neither_order_nor_batches_nor_repetitions_change_what_a_month_holds(alpha, beta, random, size):
    events = [Told(new_id(), "alpha", (usage,)) for usage in alpha] + [
        Told(new_id(), "beta", (usage,)) for usage in beta
    ]
    sent = events + [event for event in events if random.random() < 0.3]
    # The same fact in another event, as when a producer tells it again.
    sent += [Told(new_id(), event.team, event.usages) for event in events if random.random() < 0.3]
    random.shuffle(sent)
    batches = [sent[start : start + size] for start in range(0, len(sent), size)]
    found = months(batches)
    assert found == months([[event] for event in events])
    for sums, crossed in found:
        assert set(crossed.values()) <= {1}
        assert len(crossed) == sum(quantity > LIMIT for quantity, _, _ in sums.values())
    assert sum(sums.get(Meter.INFERENCE_REQUEST, (0,))[0] for sums, _ in found[:2]) == sum(
        usage.quantity for usage in alpha if usage.meter is Meter.INFERENCE_REQUEST
    )
