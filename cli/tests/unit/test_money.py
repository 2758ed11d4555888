import pytest
from forgepoint.billing.v1 import billing_pb2 as pb
from fp_cli import money
from fp_kernel import InvalidArgument


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        (1, "0.000001 EUR"),
        (100, "0.0001 EUR"),
        (1_500_000, "1.50 EUR"),
        (10_000_000, "10.00 EUR"),
        (-5, "-0.000005 EUR"),
    ],
)
def test_amounts_are_told_to_the_last_millionth(micros, text):
    assert money.shown({"amount_micros": micros, "currency_code": "EUR"}) == text


def test_no_amount_is_nothing():
    assert money.shown(None) == ""


@pytest.mark.parametrize("text", ["0.000001", "12.5", "3"])
def test_an_amount_goes_and_comes_back_exactly(text):
    shown = money.shown({"amount_micros": money.micros(text, "price"), "currency_code": "EUR"})

    assert float(shown.split()[0]) == float(text)


@pytest.mark.parametrize("text", ["", "x", "0.0000001", "nan", "Infinity"])
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(InvalidArgument, match="price"):
        money.micros(text, "price")


def test_a_plan_is_made_of_pairs():
    request = money.new_plan("gold", "eur", ["inference-request=0.5"], ["STORAGE_BYTES=7"], ["inference_request=9"])

    assert request.unit_prices["METER_TYPE_INFERENCE_REQUEST"] == pb.Money(amount_micros=500_000, currency_code="EUR")
    assert request.included_quantities == {"METER_TYPE_STORAGE_BYTES": 7}
    assert request.quota_limits == {"METER_TYPE_INFERENCE_REQUEST": 9}


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ((["x=1"], [], []), "price"),
        (([], ["storage-bytes=-1"], []), "included"),
        (([], [], ["storage-bytes"]), "quota"),
    ],
)
def test_a_pair_that_cannot_be_read_names_its_option(options, field):
    with pytest.raises(InvalidArgument, match=field):
        money.new_plan("gold", "eur", *options)


def test_a_month_is_from_its_first_day_to_that_of_the_next():
    start, end = money.period("2026-12", "", "")

    assert (start.ToJsonString(), end.ToJsonString()) == ("2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z")


@pytest.mark.parametrize(
    "options", [("2026-13", "", ""), ("x", "", ""), ("2026-12", "2026-12-01", ""), ("9999-12", "", "")]
)
def test_a_period_that_is_none_is_refused(options):
    with pytest.raises(InvalidArgument, match="month"):
        money.period(*options)
