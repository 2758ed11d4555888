"""Facts in any order, cut in any way and usage_events again: the month is the same."""

import itertools
from collections import Counter
from datetime import UTC, datetime, timedelta

from fp_billing.app.record_usage import UsageEvent
from fp_billing.domain.meters import Meter
from fp_billing.domain.periods import Period, period_of
from fp_billing.domain.usage import Usage
from fp_kernel import new_id
from fp_testkit.examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NOW = datetime(2013, 4, 2, 12, tzinfo=UTC)
LIMIT = 6
# Of this month, of the last one whose grace lasts, of one that is long over.
MOMENTS = [NOW - timedelta(hours=1), NOW - timedelta(days=4), NOW - timedelta(days=60)]
PERIODS = [period_of(NOW), Period(datetime(2013, 3, 1, tzinfo=UTC))]

facts = st.lists(
    st.builds(
        Usage,
        meter=st.sampled_from([Meter.INFERENCE_REQUEST, Meter.INFERENCE_TOKENS]),
        quantity=st.integers(0, 5),
        source_id=st.uuids().map(str),
        occurred_at=st.sampled_from(MOMENTS),
    ),
    max_size=8,
    unique_by=lambda usage: usage.fact,
)
worlds = itertools.count()


async def month(desk, team, period):
    """Units and cost by meter, and how often the quota was usage_events."""
    async with desk.side.transactions() as tx:
        lines = (await tx.invoices.contents(team, period)).lines
    crossed = Counter(
        event.payload.meter_type
        for event in await desk.side.emitted()
        if event.team == team
        and event.type == "fp.billing.quota.exceeded"
        and period.holds(event.payload.occurred_at.ToDatetime(UTC))
    )
    return {line.meter: (line.quantity, line.billable, line.amount_micros) for line in lines}, crossed


async def months(desk, plan_id, batches):
    """What the teams of a world of its own hold after these batches of `(event id, team, usage)`."""
    world = next(worlds)
    teams = [f"alpha {world}", f"beta {world}"]
    for team in teams:
        async with desk.side.transactions() as tx:
            await tx.accounts.hold(team, NOW)
            await tx.accounts.assign(team, await tx.plans.find(plan_id), by="test", now=NOW)
    ids = {}
    for batch in batches:
        usage_events = [
            UsageEvent(ids.setdefault(event, new_id()), teams[team], (usage,)) for event, team, usage in batch
        ]
        await desk.do.record_events(usage_events, "billing")
    return [await month(desk, team, period) for team in teams for period in PERIODS]


@settings(deadline=None, max_examples=examples(8), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(facts, facts, st.randoms(use_true_random=False), st.integers(1, 5))
async def test_neither_order_nor_batches_nor_repetitions_change_what_a_month_holds(
    desk, clock, new_plan, alpha, beta, random, size
):
    clock.set_wall(NOW)
    plan = await desk.put_on(new_plan(f"p {next(worlds)}", price=7, included=4, quota=LIMIT), team="setup")
    events = [(number, 0, usage) for number, usage in enumerate(alpha)]
    events += [(100 + number, 1, usage) for number, usage in enumerate(beta)]
    sent = events + [event for event in events if random.random() < 0.3]
    # The same fact in another event, as when a producer tells it again.
    sent += [(1_000 + event, team, usage) for event, team, usage in events if random.random() < 0.3]
    random.shuffle(sent)
    batches = [sent[start : start + size] for start in range(0, len(sent), size)]
    found = await months(desk, plan.id, batches)
    assert found == await months(desk, plan.id, [[event] for event in events])
    for sums, crossed in found:
        assert set(crossed.values()) <= {1}
        assert len(crossed) == sum(quantity > LIMIT for quantity, _, _ in sums.values())
    assert sum(sums.get(Meter.INFERENCE_REQUEST, (0,))[0] for sums, _ in found[:2]) == sum(
        usage.quantity for usage in alpha if usage.meter is Meter.INFERENCE_REQUEST
    )
