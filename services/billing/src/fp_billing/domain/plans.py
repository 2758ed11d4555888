"""Rate plans: what a unit of each meter costs, how many are free, and how many are too many."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fp_kernel import invalid, new_id
from fp_kernel.texts import check_line

from fp_billing.domain.currencies import CURRENCIES
from fp_billing.domain.meters import MAX_INT64, Meter

MAX_NAME = 128
MAX_PRICE_MICROS = 900_000_000
# A tebibyte: nothing is sold by more.
MAX_PER_UNITS = 2**40
MICROS = 1_000_000
MAX_PER_SECOND = 1_000_000
MAX_IN_FLIGHT = 100_000


@dataclass(frozen=True, slots=True)
class Money:
    """amount_micros: millionths of a unit of the currency (ISO 4217)."""

    amount_micros: int
    currency: str


@dataclass(frozen=True, slots=True)
class Rate:
    """One meter of a plan.

    price_micros: for each `per_units` units beyond the allowance.
    included: units of a period that are free.
    quota: units of a period beyond which the quota is exceeded; 0 is no quota.
    """

    price_micros: int
    included: int = 0
    quota: int = 0
    per_units: int = 1


@dataclass(frozen=True, slots=True)
class Limits:
    """What a team may predict. per_second: rows. in_flight: predictions at once. 0 is no limit."""

    per_second: int = 0
    in_flight: int = 0


@dataclass(frozen=True, slots=True)
class RatePlan:
    """Never changes once it is made: what was priced by it stays explained by it. rates: one for every meter."""

    id: str
    name: str
    currency: str
    rates: Mapping[Meter, Rate]
    created_at: datetime
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class NewPlan:
    """What a caller says of a plan; see `create_plan`. Keys are the contract's names of meters."""

    name: str
    prices: Mapping[str, Money]
    included: Mapping[str, int]
    quotas: Mapping[str, int]
    per_units: Mapping[str, int] = field(default_factory=dict)
    limits: Limits = Limits()


PREFIX = "METER_TYPE_"
_METERS = {f"{PREFIX}{meter}": meter for meter in Meter}


def create_plan(new: NewPlan, now: datetime) -> RatePlan:
    """Every meter has a price, so that no usage is ever without one: a meter that the caller leaves out is free, and
    the plan says so by the price 0.

    Raises InvalidArgument naming the field.
    """
    name = unicodedata.normalize("NFC", new.name)
    check_line(name, "name", MAX_NAME, required=True)
    for name_of_field, given in (
        ("unit_prices", new.prices),
        ("included_quantities", new.included),
        ("quota_limits", new.quotas),
        ("per_units", new.per_units),
    ):
        _check_meters(name_of_field, given)
    _check_quantities("included_quantities", new.included)
    _check_quantities("quota_limits", new.quotas)
    _check_per_units(new)
    currency = _currency(new.prices)
    free = Money(0, currency)
    rates = {
        meter: Rate(
            price_micros=new.prices.get(key, free).amount_micros,
            included=new.included.get(key, 0),
            quota=new.quotas.get(key, 0),
            per_units=new.per_units.get(key, 1),
        )
        for key, meter in _METERS.items()
    }
    _check_limits(new.limits)
    return RatePlan(new_id(), name, currency, rates, now, new.limits)


def _check_meters(field: str, given: Mapping[str, object]) -> None:
    for key in given:
        if key not in _METERS:
            raise invalid(f"{field}[{key[:64]}]", f"is no meter; use one of {', '.join(_METERS)}")


def _check_quantities(field: str, given: Mapping[str, int]) -> None:
    for key, quantity in given.items():
        if not 0 <= quantity <= MAX_INT64:
            raise invalid(f"{field}[{key}]", "must not be negative")


def _check_per_units(new: NewPlan) -> None:
    for key, units in new.per_units.items():
        if not 1 <= units <= MAX_PER_UNITS:
            raise invalid(f"per_units[{key}]", f"must be 1 to {MAX_PER_UNITS}")
        if key not in new.prices:
            raise invalid(f"per_units[{key}]", "the meter has no price in unit_prices")


def _check_limits(limits: Limits) -> None:
    for name, number, most in (
        ("predictions_per_second", limits.per_second, MAX_PER_SECOND),
        ("predictions_in_flight", limits.in_flight, MAX_IN_FLIGHT),
    ):
        if not 0 <= number <= most:
            raise invalid(name, f"must be 0 to {most}")


def _currency(prices: Mapping[str, Money]) -> str:
    """The one currency of the prices, after each was checked."""
    currency = ""
    for key in filter(prices.__contains__, _METERS):
        field, price = f"unit_prices[{key}]", prices[key]
        if not 0 <= price.amount_micros <= MAX_PRICE_MICROS:
            raise invalid(field, f"must be 0 to {MAX_PRICE_MICROS} micros")
        if price.currency not in CURRENCIES:
            raise invalid(field, "currency_code must be a code of ISO 4217, for example USD")
        if currency and price.currency != currency:
            raise invalid(field, f"is in {price.currency}, but the plan is in {currency}; a plan has one currency")
        currency = price.currency
    if not currency:
        raise invalid("unit_prices", "must price a meter; it says the currency of the plan")
    return currency


DEFAULT_PLAN = RatePlan(
    id="01909eb0-0000-7000-8000-000000000001",
    name="default",
    currency="USD",
    rates={
        Meter.INFERENCE_REQUEST: Rate(price_micros=100, included=10_000),
        Meter.INFERENCE_TOKENS: Rate(price_micros=2, included=100_000),
        Meter.COMPUTE_SECONDS: Rate(price_micros=50, included=3_600),
        Meter.STORAGE_BYTES: Rate(price_micros=0),
    },
    created_at=datetime(2024, 7, 11, tzinfo=UTC),
)
"""The plan of a team that was given no other; the first migration seeds it."""
