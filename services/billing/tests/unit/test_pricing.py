from datetime import UTC, datetime

import pytest
from fp_billing.domain.accounts import Account, change_plan, record
from fp_billing.domain.meters import MAX_INT64, Meter
from fp_billing.domain.periods import Period
from fp_billing.domain.plans import DEFAULT_PLAN, Rate, RatePlan
from fp_billing.domain.pricing import Charge, price
from fp_billing.domain.usage import Usage
from fp_kernel import FailedPrecondition, OutOfRange
from hypothesis import given
from hypothesis import strategies as st

MARCH = Period(datetime(2013, 3, 1, tzinfo=UTC))
quantities = st.integers(0, 10_000)
rates = st.builds(
    Rate,
    price_micros=st.integers(0, 1_000_000),
    included=quantities,
    quota=quantities,
    per_units=st.one_of(st.just(1), st.integers(1, 2_000), st.sampled_from([1_000_000, 2**30])),
)


def plan(rate, currency="USD", name="p"):
    return RatePlan(name, name, currency, dict.fromkeys(Meter, rate), DEFAULT_PLAN.created_at)


def account(rate):
    return Account("alpha", MARCH, plan(rate), used={})


def usage(quantity, source_id="r", meter=Meter.INFERENCE_REQUEST):
    return Usage(meter, quantity, source_id)


def post(account, facts):
    """The account after the facts, their records, and the quotas that were told."""
    records, exceedances = [], []
    for number, quantity in enumerate(facts):
        recorded = record(account, usage(quantity, f"r{number}"), MARCH.start)
        account = recorded.account
        records.append(recorded.record)
        exceedances += [recorded.exceeded] if recorded.exceeded else []
    return account, records, exceedances


def cost(records):
    return sum(each.cost.amount_micros for each in records)


def test_the_allowance_is_free_and_only_what_is_beyond_it_costs():
    rate = Rate(price_micros=100, included=10)
    assert price(rate, 0, 10) == Charge(0, 0)
    assert price(rate, 0, 12) == Charge(2, 200)
    assert price(rate, 8, 5) == Charge(3, 300)
    assert price(rate, 10, 1) == Charge(1, 100)


def test_free_units_use_the_allowance_up():
    """The seed's fault: prior usage that counts only paid units never leaves the allowance."""
    _, records, _ = post(account(Rate(price_micros=100, included=3)), [1] * 5)
    assert [each.cost.amount_micros for each in records] == [0, 0, 0, 100, 100]


@given(rates, quantities, quantities, quantities)
def test_pricing_two_parts_is_pricing_their_sum(rate, prior, a, b):
    both, first, second = price(rate, prior, a + b), price(rate, prior, a), price(rate, prior + a, b)
    assert both.cost_micros == first.cost_micros + second.cost_micros
    assert both.billable == first.billable + second.billable


@given(rates, st.lists(quantities, max_size=20))
def test_a_period_costs_what_its_sum_is_priced_at(rate, facts):
    _, records, _ = post(account(rate), facts)
    assert cost(records) == max(0, sum(facts) - rate.included) * rate.price_micros // rate.per_units


@given(rates, st.lists(quantities, max_size=12), st.randoms())
def test_the_order_of_facts_changes_no_total(rate, facts, random):
    shuffled = list(facts)
    random.shuffle(shuffled)
    one, first, exceedances = post(account(rate), facts)
    other, second, exceedances_again = post(account(rate), shuffled)
    assert (one.used, cost(first)) == (other.used, cost(second))
    assert len(exceedances) == len(exceedances_again)


@given(rates, st.lists(quantities, max_size=20))
def test_the_quota_is_published_once_and_by_the_record_that_crosses_it(rate, facts):
    after, _, exceedances = post(account(rate), facts)
    assert len(exceedances) == (1 if 0 < rate.quota < sum(facts) else 0)
    for exceeded in exceedances:
        assert exceeded.quota.used - exceeded.record.quantity <= rate.quota < exceeded.quota.used
    assert after.quota(Meter.INFERENCE_REQUEST).exceeded == bool(exceedances)


def test_a_price_for_a_million_tokens_loses_no_part_of_a_micro():
    """0.05 USD a million tokens, in requests of 7: each costs less than a micro, all of them what they should."""
    rate = Rate(price_micros=50_000, per_units=1_000_000)
    prior, costs = 0, []
    for _ in range(1_000):
        costs.append(price(rate, prior, 7).cost_micros)
        prior += 7
    assert sum(costs) == 350
    assert set(costs) == {0, 1}
    assert price(rate, 0, 1_000_000).cost_micros == 50_000


def test_a_version_of_ten_gibibytes_is_priced_by_the_gibibyte():
    rate = Rate(price_micros=20_000, per_units=2**30)
    assert price(rate, 0, 10 * 2**30) == Charge(10 * 2**30, 200_000)
    assert price(rate, 0, 10 * 2**30 - 1).cost_micros == 199_999


def test_a_quota_that_is_used_up_is_not_exceeded():
    after, _, exceedances = post(account(Rate(price_micros=0, quota=5)), [5])
    quota = after.quota(Meter.INFERENCE_REQUEST)
    assert (quota.remaining, quota.exceeded, exceedances) == (0, False, [])
    _, _, (exceeded,) = post(after, [1])
    assert exceeded.quota.used == 6


def test_meters_have_their_own_allowance_and_quota():
    after = record(account(Rate(100, included=5, quota=5)), usage(6), MARCH.start).account
    tokens = record(after, usage(5, meter=Meter.INFERENCE_TOKENS), MARCH.start)
    assert tokens.record.cost.amount_micros == 0
    assert tokens.exceeded is None


def test_a_period_does_not_count_beyond_what_can_be_counted():
    with pytest.raises(OutOfRange):
        price(Rate(price_micros=0), MAX_INT64, 1)
    with pytest.raises(OutOfRange):
        price(Rate(price_micros=900_000_000), 10_000_000_000, 10_000_000_000)


def test_a_new_plan_prices_what_comes_and_counts_what_was():
    before, first, _ = post(account(Rate(price_micros=100, included=10)), [8])
    _, second, _ = post(change_plan(before, plan(Rate(price_micros=7, included=9))), [3])
    assert (cost(first), cost(second)) == (0, 2 * 7)


def test_a_raised_quota_is_published_again_when_it_is_exceeded_in_its_turn():
    before, _, exceedances = post(account(Rate(price_micros=0, quota=5)), [6])
    raised = change_plan(before, plan(Rate(price_micros=0, quota=10)))
    _, _, again = post(raised, [4, 1, 1])
    assert [each.quota.used for each in exceedances + again] == [6, 11]


def test_a_plan_that_changes_nothing_about_an_exceeded_quota_tells_nothing_again():
    before, _, _ = post(account(Rate(price_micros=0, quota=5)), [6])
    _, _, again = post(change_plan(before, plan(Rate(price_micros=1, quota=4))), [1])
    assert again == []


def test_a_period_that_was_used_stays_in_its_currency():
    used, _, _ = post(account(Rate(1)), [1])
    with pytest.raises(FailedPrecondition):
        change_plan(used, plan(Rate(1), "EUR"))
    assert change_plan(account(Rate(1)), plan(Rate(1), "EUR")).plan.currency == "EUR"
