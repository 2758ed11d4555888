from dataclasses import replace
from datetime import UTC, datetime

import pytest
from fp_billing.domain.meters import Meter
from fp_billing.domain.plans import (
    MAX_IN_FLIGHT,
    MAX_PER_SECOND,
    MAX_PER_UNITS,
    MAX_PRICE_MICROS,
    Limits,
    Money,
    NewPlan,
    Rate,
    create_plan,
)
from fp_billing.domain.usage import MAX_QUANTITY, Usage, check_usage
from fp_kernel import InvalidArgument

NOW = datetime(2013, 3, 1, tzinfo=UTC)
PRICES = {f"METER_TYPE_{meter}": Money(100, "EUR") for meter in Meter}
REQUEST, TOKENS = "METER_TYPE_INFERENCE_REQUEST", "METER_TYPE_INFERENCE_TOKENS"


def new(name="gold", prices=PRICES, included=None, quotas=None, per_units=None):
    return NewPlan(name, prices, included or {}, quotas or {}, per_units or {})


def refused(plan):
    with pytest.raises(InvalidArgument) as error:
        create_plan(plan, NOW)
    (violation,) = error.value.fields
    return violation.field


def test_a_plan_has_a_rate_for_every_meter():
    plan = create_plan(new(included={REQUEST: 10}, quotas={REQUEST: 20, TOKENS: 0}), NOW)
    assert set(plan.rates) == set(Meter)
    assert plan.rates[Meter.INFERENCE_REQUEST] == Rate(100, included=10, quota=20)
    assert plan.rates[Meter.INFERENCE_TOKENS] == Rate(100)
    assert (plan.currency, plan.created_at) == ("EUR", NOW)


def test_a_plan_limits_what_a_team_predicts_or_does_not():
    assert create_plan(new(), NOW).limits == Limits(0, 0)
    assert create_plan(replace(new(), limits=Limits(50, 8)), NOW).limits == Limits(50, 8)
    for limits, field in (
        (Limits(-1, 0), "predictions_per_second"),
        (Limits(MAX_PER_SECOND + 1, 0), "predictions_per_second"),
        (Limits(0, -1), "predictions_in_flight"),
        (Limits(0, MAX_IN_FLIGHT + 1), "predictions_in_flight"),
    ):
        assert refused(replace(new(), limits=limits)) == field


def test_a_meter_that_a_plan_leaves_out_is_free_and_the_plan_says_so():
    plan = create_plan(new(prices={REQUEST: Money(7, "EUR")}, quotas={TOKENS: 5}), NOW)
    assert set(plan.rates) == set(Meter)
    assert plan.rates[Meter.INFERENCE_REQUEST] == Rate(7)
    assert plan.rates[Meter.INFERENCE_TOKENS] == Rate(0, quota=5)


@pytest.mark.parametrize("name", ["Prix : élevé", "東京　駅", "👩‍🔬"])
def test_a_plan_may_have_a_name_of_any_language(name):
    assert create_plan(new(name=name), NOW).name == name


def test_one_name_is_one_name_however_its_accents_are_written():
    assert create_plan(new(name="Zoé"), NOW).name == create_plan(new(name="Zoé"), NOW).name


def test_a_meter_may_be_free():
    free = create_plan(new(prices=PRICES | {TOKENS: Money(0, "EUR")}), NOW)
    assert free.rates[Meter.INFERENCE_TOKENS].price_micros == 0


@pytest.mark.parametrize(
    ("plan", "field"),
    [
        (new(name=""), "name"),
        (new(name="x" * 129), "name"),
        (new(name=" gold"), "name"),
        (new(name="go\nld"), "name"),
        (new(prices={}), "unit_prices"),
        (new(prices=PRICES | {TOKENS: Money(1, "USD")}), f"unit_prices[{TOKENS}]"),
        (new(prices={TOKENS: Money(1, "ZZZ")}), f"unit_prices[{TOKENS}]"),
        (new(per_units={TOKENS: 0}), f"per_units[{TOKENS}]"),
        (new(per_units={TOKENS: MAX_PER_UNITS + 1}), f"per_units[{TOKENS}]"),
        (new(per_units={"TOKENS": 1}), "per_units[TOKENS]"),
        (new(prices={REQUEST: Money(1, "EUR")}, per_units={TOKENS: 5}), f"per_units[{TOKENS}]"),
        (new(prices=PRICES | {TOKENS: Money(-1, "EUR")}), f"unit_prices[{TOKENS}]"),
        (new(prices=PRICES | {TOKENS: Money(MAX_PRICE_MICROS + 1, "EUR")}), f"unit_prices[{TOKENS}]"),
        (new(prices=dict.fromkeys(PRICES, Money(1, "euro"))), f"unit_prices[{REQUEST}]"),
        (new(prices=PRICES | {"METER_TYPE_UNSPECIFIED": Money(1, "EUR")}), "unit_prices[METER_TYPE_UNSPECIFIED]"),
        (new(included={TOKENS: -1}), f"included_quantities[{TOKENS}]"),
        (new(included={"TOKENS": 1}), "included_quantities[TOKENS]"),
        (new(quotas={TOKENS: -1}), f"quota_limits[{TOKENS}]"),
        (new(quotas={"": 1}), "quota_limits[]"),
    ],
)
def test_bad_input_is_refused_by_the_name_of_its_field(plan, field):
    assert refused(plan) == field


@pytest.mark.parametrize(
    ("usage", "field"),
    [
        (Usage(Meter.INFERENCE_REQUEST, -1, "r"), "quantity"),
        (Usage(Meter.INFERENCE_REQUEST, MAX_QUANTITY + 1, "r"), "quantity"),
        (Usage(Meter.INFERENCE_REQUEST, 1, ""), "source_request_id"),
        (Usage(Meter.INFERENCE_REQUEST, 1, "r" * 513), "source_request_id"),
        (Usage(Meter.INFERENCE_REQUEST, 1, "r\0"), "source_request_id"),
        (Usage(Meter.INFERENCE_REQUEST, 1, "r", model_id="m" * 257), "model_id"),
        (Usage(Meter.INFERENCE_REQUEST, 1, "r", model_version="v\n"), "model_version"),
    ],
)
def test_usage_that_cannot_be_metered_is_refused_by_the_name_of_its_field(usage, field):
    with pytest.raises(InvalidArgument) as error:
        check_usage(usage)
    assert [violation.field for violation in error.value.fields] == [field]


def test_what_is_counted_of_one_request_has_its_own_key():
    assert len({Usage(meter, 1, "r1").fact for meter in Meter}) == len(Meter)


def test_a_version_of_half_a_terabyte_can_be_metered():
    check_usage(Usage(Meter.STORAGE_BYTES, 500 * 2**30, "v"))
